internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// The system interface that an event loop uses to wait for events.
    ///
    /// ```swift
    /// AsyncIO.main(backend: .ioUring) { … }
    /// ```
    ///
    /// The environment variable `ASYNCIO_BACKEND` (`epoll`, `io_uring`, or `auto`) chooses the backend of loops that
    /// are created with ``automatic``.
    ///
    /// asyncio: the selector that is passed to the initializer of a loop.
    public struct Backend: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: Hashable, Sendable { case automatic, epoll, ioUring }
        private let kind: Kind

        /// The default choice, which is epoll, because epoll is faster for sockets; see Design/0050.
        public static let automatic = Backend(kind: .automatic)
        /// epoll, which is available on every Linux system.
        public static let epoll = Backend(kind: .epoll)
        /// io_uring, which needs one system call per turn for all watched descriptors, and no system call for a turn
        /// without events. This backend requires Linux 6.1 or later, and a system that permits io_uring. Many
        /// containers do not permit it.
        public static let ioUring = Backend(kind: .ioUring)

        /// The name of the backend, as in `ASYNCIO_BACKEND`.
        public var description: String {
            switch kind {
            case .automatic: "auto"
            case .epoll: "epoll"
            case .ioUring: "io_uring"
            }
        }

        /// - Throws: ``OSError`` with the reason and a suggested fix.
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
                    io_uring is not available (it requires Linux 6.1, the sysctl kernel.io_uring_disabled at 0, and a \
                    container that allows it); use the epoll backend
                    """)
            }
        }

        private static func fromEnvironment() throws(OSError) -> Backend {
            guard let name = Environment.backend, !name.isEmpty else { return .automatic }
            for backend in [automatic, epoll, ioUring] where backend.description == name { return backend }
            throw OSError(.invalidArgument, "ASYNCIO_BACKEND must be epoll, io_uring, or auto, got \"\(name)\"")
        }
    }
}
