internal import CShims
internal import Glibc

/// An OpenSSL certificate.
//
// SAFETY (of the file): this object owns the certificate and frees it on deallocation.
@safe
package final class Certificate {
    private let pointer: UnsafeMutableRawPointer

    init(_ pointer: UnsafeMutableRawPointer) { unsafe self.pointer = pointer }

    deinit { unsafe asyncio_certificate_free(pointer) }

    package var subject: String { text(ASYNCIO_CERTIFICATE_SUBJECT) }
    package var issuer: String { text(ASYNCIO_CERTIFICATE_ISSUER) }
    /// The serial number in hexadecimal digits.
    package var serialNumber: String { text(ASYNCIO_CERTIFICATE_SERIAL) }

    private func text(_ which: Int) -> String {
        guard let text = unsafe asyncio_certificate_text(pointer, Int32(which)) else { return "" }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    /// The period during which the certificate is valid, in seconds since 1970.
    package var validity: ClosedRange<Int64> {
        let start = unsafe asyncio_certificate_time(pointer, false)
        return start...max(start, unsafe asyncio_certificate_time(pointer, true))
    }

    /// A name or address for which the certificate is valid.
    package struct Name {
        /// OpenSSL's number for the kind of name.
        package let type: Int32
        package let bytes: [UInt8]
    }

    package var names: [Name] {
        var names: [Name] = []
        unsafe withUnsafeMutablePointer(to: &names) { names in
            unsafe asyncio_certificate_names(pointer, names) { context, type, bytes, count in
                // SAFETY: `context` is the array above, on this stack.
                guard let names = unsafe context?.assumingMemoryBound(to: [Name].self) else { return }
                let bytes = unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count))
                unsafe names.pointee.append(Name(type: type, bytes: bytes))
            }
        }
        return names
    }

    package var der: [UInt8] {
        let count = unsafe Int(asyncio_certificate_der(pointer, nil))
        return unsafe [UInt8](unsafeUninitializedCapacity: max(0, count)) { bytes, written in
            written = unsafe max(0, Int(asyncio_certificate_der(pointer, bytes.baseAddress)))
        }
    }
}
