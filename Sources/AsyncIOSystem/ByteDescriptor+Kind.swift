internal import CShims
internal import Glibc
package import SystemPackage

extension ByteDescriptor {
    package enum Kind { case pipe, socket, terminal, file, other }

    /// The kind of a descriptor. A terminal is any character device.
    package final var kind: Kind {
        guard let status = try? FileStatus(of: descriptor) else { return .other }
        if status.isPipe { return .pipe }
        if status.isSocket { return .socket }
        if status.isCharacterDevice { return .terminal }
        return status.isRegular ? .file : .other
    }

    /// Whether the descriptor supports reading and writing but cannot be watched by a poller: a file, a disk,
    /// /dev/null, and so on.
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

    /// Throws what epoll throws for a descriptor: nothing if a poller can watch it, `.notPermitted` if it
    /// cannot (a regular file), and `.badFileDescriptor` if it is not open. A ring would report a regular file
    /// as always ready.
    static func checkWatchable(_ descriptor: Int32) throws(Errno) {
        let status = try FileStatus(of: descriptor)
        if status.isSocket || status.isPipe { return }
        if status.isRegular || status.isDirectory { throw .notPermitted }
        // Some devices cannot be watched. epoll knows.
        let epoll = try check(asyncio_epoll_create())
        defer { closeOnce(epoll) }
        _ = try check(asyncio_epoll_add(epoll, descriptor, 0, 0))
    }

    /// Opens a new descriptor for the target of a standard one, or for /dev/null if the program was started without it.
    /// It is non-blocking only if that does not affect other processes that share the target.
    package static func openStandard(_ number: Int32) throws(Errno) -> Int32 {
        let access = number == STDIN_FILENO ? O_RDONLY : O_WRONLY
        // It was closed when the program started. Since then, an epoll descriptor or something similar, which has no
        // type, may have got its number. (Such descriptors are not passed on to programs.)
        guard let status = try? FileStatus(of: number), !status.isAnonymous else {
            // SAFETY: here and below, the path is a string that ends with a zero.
            return try aboveStandard(attempt { unsafe open("/dev/null", access | O_CLOEXEC) })
        }
        // A descriptor that others share must not become non-blocking for them, so a terminal or a pipe is opened
        // again. A file is not, because its position is shared. A socket cannot be.
        if status.isPipe || status.isCharacterDevice {
            let path = "/proc/self/fd/\(number)"
            let anew = outcome { unsafe open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
            if anew >= 0 { return try aboveStandard(anew) }
        }
        return try attempt { fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
    }

    /// The same descriptor under a number that is not a standard descriptor.
    private static func aboveStandard(_ descriptor: Int32) throws(Errno) -> Int32 {
        if descriptor > STDERR_FILENO { return descriptor }
        defer { closeOnce(descriptor) }
        return try attempt { fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
    }
}
