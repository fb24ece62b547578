internal import CShims
internal import Glibc
package import SystemPackage

/// The identity of the file at a path, which distinguishes it from a later file with the same name.
/// Paths end with a zero.
package struct FileIdentity: Equatable, Sendable {
    private let device: UInt64
    private let number: UInt64
    package let isSocket: Bool

    /// Returns nil if there is no file.
    package init?(of path: [CChar]) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
        isSocket = status.st_mode & S_IFMT == S_IFSOCK
    }

    package static func remove(_ path: [CChar]) throws(Errno) {
        if unsafe unlink(path) < 0 { throw Errno(rawValue: errno) }
    }
}
