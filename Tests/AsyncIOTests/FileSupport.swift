import AsyncIO
import Foundation
import Glibc

extension FileBackend {
    /// The backends that this system has. Tests run on all of them.
    nonisolated static let available: [FileBackend] = BackendTests.hasUring ? [.ioUring, .threads] : [.threads]
}

/// A directory for a test's files, which is removed on deallocation.
nonisolated final class Directory: Sendable {
    let path: String

    init() throws {
        let template = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-test-XXXXXX").path
        var name = Array(template.utf8CString)
        guard mkdtemp(&name) != nil else { throw POSIXError() }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the directory.
    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    /// Creates a file without using the library.
    @discardableResult
    func make(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: self(name)))
        chmod(self(name), mode)
        return self(name)
    }

    func remove(_ name: String) { unlink(self(name)) }

    /// The content of a file, read without using the library.
    func content(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: self(name)))) }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

    /// Removes a file from the kernel's cache, so that the next read accesses the disk.
    func evict(_ name: String) {
        let file = open(self(name), O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        fsync(file)
        posix_fadvise(file, 0, 0, Int32(POSIX_FADV_DONTNEED))
    }
}

/// Bytes that differ from one position to the next.
nonisolated func pattern(_ count: Int) -> [UInt8] {
    // Repeated after a prime number of bytes, which does not divide any block or portion.
    let block = (0..<min(count, 8191)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + block.count)
    while bytes.count < count { bytes += block }
    bytes.removeLast(bytes.count - count)
    return bytes
}
