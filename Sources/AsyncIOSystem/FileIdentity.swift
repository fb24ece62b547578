internal import Glibc
package import SystemPackage

/// The identity of the file at a path, which distinguishes the file from a later file with the same name. Paths end
/// with a zero byte.
package struct FileIdentity: Equatable, Sendable {
    private let device: UInt64
    private let number: UInt64
    package let isSocket: Bool

    /// Returns nil if there is no file at the path.
    package init?(of path: [CChar]) {
        // SAFETY: the path ends with a zero.
        guard let status = try? unsafe FileStatus(at: path) else { return nil }
        device = status.device
        number = status.number
        isSocket = status.isSocket
    }

    package static func remove(_ path: [CChar]) throws(Errno) {
        // SAFETY: the path ends with a zero.
        try attempt { unsafe unlink(path) }
    }
}
