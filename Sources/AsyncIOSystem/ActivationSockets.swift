internal import Glibc

/// The sockets that a supervisor has opened for this process; see sd_listen_fds(3).
package enum ActivationSockets {
    /// The descriptor of the first socket. The other sockets have the descriptors that follow.
    private static let first: Int32 = 3

    package static func take() -> [Int32] {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) } }
        guard let pid = variable("LISTEN_PID"), pid == getpid(), let count = variable("LISTEN_FDS"), count > 0,
            count < 1 << 16
        else { return [] }
        let descriptors = Array(first..<first + count)
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return descriptors
    }

    private static func variable(_ name: String) -> Int32? {
        guard let value = unsafe getenv(name) else { return nil }
        return Int32(unsafe String(cString: value))
    }
}
