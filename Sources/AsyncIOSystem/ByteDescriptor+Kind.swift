internal import CShims
internal import Glibc
package import SystemPackage

extension ByteDescriptor {
    package enum Kind { case pipe, socket, terminal, file, other }

    /// The kind of the descriptor. Any character device counts as a terminal.
    package final var kind: Kind {
        guard let status = try? FileStatus(of: descriptor) else { return .other }
        if status.isPipe { return .pipe }
        if status.isSocket { return .socket }
        if status.isCharacterDevice { return .terminal }
        return status.isRegular ? .file : .other
    }

    /// Whether the descriptor supports reading and writing but cannot be watched by a poller. This is the case for
    /// files, disks, /dev/null, and so on.
    package static func isUnwatchable(_ descriptor: Int32) -> Bool {
        guard let status = try? FileStatus(of: descriptor) else { return false }
        if status.isRegular || status.isBlockDevice { return true }
        guard status.isCharacterDevice else { return false }
        do throws(Errno) {
            try checkWatchable(descriptor)
            return false
        } catch {
            return error == .notPermitted
        }
    }

    /// Checks whether a poller can watch a descriptor. Like epoll, this method throws `.notPermitted` for a regular
    /// file, and `.badFileDescriptor` for a descriptor that is not open. A ring would report a regular file as always
    /// ready.
    static func checkWatchable(_ descriptor: Int32) throws(Errno) {
        let status = try FileStatus(of: descriptor)
        if status.isSocket || status.isPipe { return }
        if status.isRegular || status.isDirectory { throw .notPermitted }
        // Some devices cannot be watched, so this method asks epoll.
        let epoll = try check(asyncio_epoll_create())
        defer { closeOnce(epoll) }
        _ = try check(asyncio_epoll_add(epoll, descriptor, 0, 0))
    }

    /// Opens a new descriptor for the target of a standard descriptor, or for /dev/null if the program was started
    /// without this standard descriptor. The new descriptor is non-blocking only if this does not affect other
    /// processes that share the target.
    package static func openStandard(_ number: Int32) throws(Errno) -> Int32 {
        let access = number == STDIN_FILENO ? O_RDONLY : O_WRONLY
        // The standard descriptor was closed when the program started. Since then, its number may have been reused for
        // a descriptor without a file type, such as an epoll descriptor. Programs do not inherit such descriptors.
        guard let status = try? FileStatus(of: number), !status.isAnonymous else {
            // SAFETY: here and below, the path is a string that ends with a zero.
            return try aboveStandard(attempt { unsafe open("/dev/null", access | O_CLOEXEC) })
        }
        // A descriptor must not become non-blocking for other processes that share it, so a terminal or a pipe is
        // opened again. A file is not opened again, because its position is shared. A socket cannot be opened again.
        if status.isPipe || status.isCharacterDevice {
            let path = "/proc/self/fd/\(number)"
            let anew = outcome { unsafe open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
            if anew >= 0 { return try aboveStandard(anew) }
        }
        return try attempt { fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
    }

    /// Moves a descriptor to a number above those of the standard descriptors.
    private static func aboveStandard(_ descriptor: Int32) throws(Errno) -> Int32 {
        if descriptor > STDERR_FILENO { return descriptor }
        defer { closeOnce(descriptor) }
        return try attempt { fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
    }
}
