internal import AsyncIOSystem
internal import SystemPackage

/// What an event loop waits with.
///
/// ```swift
/// AsyncIO.main(backend: .ioUring) { … }
/// ```
///
/// The environment variable `ASYNCIO_BACKEND` (`epoll`, `io_uring` or `auto`) chooses for
/// loops that are made with ``automatic``.
///
/// asyncio: the selector that a loop is made with.
public struct Backend: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: Hashable, Sendable { case automatic, epoll, ioUring }
    private let kind: Kind

    /// The one that is measured better for sockets, which is epoll; see Design/0050.
    public static let automatic = Backend(kind: .automatic)
    /// epoll: on every Linux.
    public static let epoll = Backend(kind: .epoll)
    /// io_uring: one system call a turn for everything that is watched, none for a turn that
    /// has no news. Needs Linux 6.1, and a system that permits it: many containers do not.
    public static let ioUring = Backend(kind: .ioUring)

    public var description: String {
        switch kind {
        case .automatic: "auto"
        case .epoll: "epoll"
        case .ioUring: "io_uring"
        }
    }

    /// - Throws: ``OSError`` with the reason and the mend.
    func makePoller() throws(OSError) -> (any Poller, Backend) {
        let chosen = try kind == .automatic ? Self.fromEnvironment() : self
        if chosen.kind != .ioUring {
            do {
                return (try EpollPoller(), .epoll)
            } catch {
                throw OSError(error, "cannot create the event loop's poller")
            }
        }
        do {
            return (try UringPoller(), .ioUring)
        } catch {
            throw OSError(
                error,
                """
                this system grants no io_uring to the event loop (it takes Linux 6.1, the sysctl \
                kernel.io_uring_disabled at 0, and a container that does not forbid it); use the epoll backend
                """)
        }
    }

    private static func fromEnvironment() throws(OSError) -> Backend {
        guard let name = Environment.backend, !name.isEmpty else { return .automatic }
        for backend in [automatic, epoll, ioUring] where backend.description == name { return backend }
        throw OSError(.invalidArgument, "ASYNCIO_BACKEND is \"\(name)\"; it may be epoll, io_uring or auto")
    }
}
