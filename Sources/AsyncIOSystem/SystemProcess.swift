internal import CShims
internal import Glibc
package import SystemPackage

/// A child of this process, identified by its pidfd, which never refers to another process.
package final class SystemProcess {
    package let pid: Int32
    /// A descriptor that is readable when the child has ended, or -1 after the child has been reaped.
    package private(set) var pidfd: Int32

    init(pid: Int32, pidfd: Int32) {
        self.pid = pid
        self.pidfd = pidfd
    }

    deinit { close() }

    /// The way in which a child has ended.
    package enum Ending {
        /// The exit status, or the negated number of the signal that ended the child.
        case status(Int32)
        /// Other code has reaped the child.
        case unknown
    }

    /// Reaps the child if it has ended. The system then removes the process completely.
    ///
    /// - Parameter waits: Whether to block until the child has ended.
    /// - Returns: Nil if the child has not ended.
    package func reap(waits: Bool = false) -> Ending? {
        guard pidfd >= 0 else { return nil }
        var status: Int32 = 0
        let result = unsafe asyncio_reap(pidfd, waits, &status)
        if result == 0 { return nil }
        close()
        return result > 0 ? .status(status) : .unknown
    }

    /// Sends a signal to the child. This has no effect if the child has ended but has not been reaped.
    ///
    /// - Throws: `noSuchProcess` if the child has been reaped.
    package func send(_ signal: Int32) throws(Errno) {
        guard pidfd >= 0 else { throw .noSuchProcess }
        _ = try check(asyncio_pidfd_signal(pidfd, pid, signal))
    }

    /// Sends a signal to the whole group that the child leads. The group has the same number as the child, and no other
    /// process can get this number before the child is reaped.
    package func sendToGroup(_ signal: Int32) throws(Errno) {
        guard pidfd >= 0 else { throw .noSuchProcess }
        try attempt { kill(-pid, signal) }
    }

    private func close() {
        guard pidfd >= 0 else { return }
        closeOnce(pidfd)
        pidfd = -1
    }
}

/// The data that this process passes to its children.
package enum ProcessEnvironment {
    /// The name and the current value of each environment variable in the C library.
    package static var current: [(name: [UInt8], value: [UInt8])] {
        var found: [(name: [UInt8], value: [UInt8])] = []
        // SAFETY: the list ends with NULL, and each string with a zero. As with every reader of the environment, no
        // other thread may change it in the meantime.
        guard var entry = unsafe asyncio_environment() else { return [] }
        while let text = unsafe entry.pointee {
            let pair = unsafe UnsafeRawBufferPointer(start: text, count: strlen(text))
            if let equals = unsafe pair.firstIndex(of: UInt8(ascii: "=")) {
                unsafe found.append((Array(pair[..<equals]), Array(pair[(equals + 1)...])))
            }
            unsafe entry += 1
        }
        return found
    }

    /// The arguments of this program. The first argument is the name with which the program was started.
    package static var arguments: [[UInt8]] {
        // SAFETY: the runtime owns the arguments, each of which ends with a zero.
        (0..<Int(CommandLine.argc)).compactMap { index in
            unsafe CommandLine.unsafeArgv[index].map {
                unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))
            }
        }
    }

    /// Returns a variable's value and removes the variable, which is meant for this process and not for its children.
    /// Call this method before other threads exist.
    package static func take(_ name: String) -> String? {
        // SAFETY: the text is copied before the variable is removed.
        guard let value = unsafe getenv(name) else { return nil }
        defer { unsafe unsetenv(name) }
        return unsafe String(cString: value)
    }

    /// The path of the file that this process executes.
    package static func executable() throws(Errno) -> [UInt8] {
        var path = [CChar](repeating: 0, count: 4_096)
        // SAFETY: at most `count` bytes are written.
        let length = unsafe readlink("/proc/self/exe", &path, path.count)
        guard length >= 0 else { throw Errno(rawValue: errno) }
        return path.prefix(length).map(UInt8.init(bitPattern:))
    }
}
