internal import Glibc

/// The names by which other machines know this process.
package enum Machine {
    /// The name of the host.
    package static var name: String {
        var bytes = [CChar](repeating: 0, count: 256)
        // SAFETY: the call writes at most as many bytes as the array has. The last byte stays zero.
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The process ID.
    package static var process: Int32 { getpid() }
}
