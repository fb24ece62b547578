internal import Glibc
package import SystemPackage

// The system's texts are bytes that end with a zero. Most are UTF-8, and nothing makes them so.

extension FilePath {
    /// The path's bytes, without the zero at their end.
    package var bytes: [UInt8] {
        unsafe withPlatformString { text in
            // SAFETY: the text ends with a zero, and is only borrowed.
            unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
        }
    }
}

extension [CChar] {
    /// Bytes as C takes them, with a zero at their end.
    package init(terminating bytes: some Sequence<UInt8>) {
        self = bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
