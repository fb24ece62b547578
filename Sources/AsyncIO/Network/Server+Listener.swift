internal import AsyncIOSystem
internal import SystemPackage

extension Server {
    /// A place where a server listens: a TCP port, a Unix socket, or sockets that are already bound.
    ///
    /// ```swift
    /// let listener: Server.Listener = path.map { .unix(path: $0) } ?? .tcp(host: "127.0.0.1", port: 8080)
    /// let server = try await startServer(on: listener) { reader, writer in … }
    /// ```
    ///
    /// asyncio: `host=`, `port=`, `path=`, and `sock=` of `start_server` and similar functions.
    public struct Listener: Sendable {
        private enum Place {
            case tcp(hosts: [String?], port: Int)
            case unix(path: SystemString)
            case sockets([Int32])
        }

        private let place: Place
        /// Whether other loops of this process watch the same sockets.
        private(set) var isSharedByLoops = false

        /// Listens on a TCP port.
        ///
        /// - Parameters:
        ///   - host: A host name, an address, or `.anyInterface`.
        ///   - port: The port, or 0 to let the system choose one; see ``Server/port``.
        public static func tcp(host: String? = .anyInterface, port: Int) -> Listener {
            tcp(hosts: [host], port: port)
        }

        /// Listens on the same TCP port on several hosts.
        ///
        /// The hosts are resolved concurrently. An address that several hosts share is used only once.
        ///
        /// - Parameters:
        ///   - hosts: The host names or addresses. `nil` stands for all interfaces, as `.anyInterface` does.
        ///   - port: The port. If the port is 0, the system chooses a port for the first address, and all other
        ///     addresses use the same port.
        public static func tcp(hosts: [String?], port: Int) -> Listener {
            Listener(place: .tcp(hosts: hosts, port: port))
        }

        /// Listens on a Unix socket. An existing socket file at `path` is replaced. If another kind of file exists at
        /// `path`, the server cannot be started.
        ///
        /// - Parameter path: The path of the socket, or a zero character followed by a name in the abstract
        ///   namespace.
        public static func unix(path: some SystemStringConvertible) -> Listener {
            Listener(place: .unix(path: path.systemString))
        }

        /// Listens on TCP or Unix sockets that are already bound, such as the sockets from ``Worker/sockets`` or
        /// ``Server/takeSystemdSockets()``. The server takes ownership of these sockets.
        public static func sockets(_ sockets: some Sequence<some FileDescriptorConvertible>) -> Listener {
            Listener(place: .sockets(sockets.map(\.number)))
        }

        /// Whether the sockets may also belong to other processes or loops.
        var isShared: Bool {
            if case .sockets = place { true } else { isSharedByLoops }
        }

        // MARK: Several loops

        /// Whether each of several loops can have its own sockets for this listener.
        var isTCP: Bool {
            if case .tcp = place { true } else { false }
        }

        /// Returns the listener with a specific port, after checking that no other program uses the port. Sockets that
        /// share a port would not detect that another program uses the same port.
        func onFreePort(_ options: Options, on loop: EventLoop) async throws -> Listener {
            guard case .tcp(let hosts, _) = place else { return self }
            let sockets = try await bind(options, on: loop)
            defer { for socket in sockets { socket.close() } }
            return try sockets.first?.port().map { .tcp(hosts: hosts, port: $0) } ?? self
        }

        /// The listener for the first of several loops.
        var forFirstLoop: Listener {
            var listener = self
            listener.isSharedByLoops = !isTCP
            return listener
        }

        /// Returns the listener for another loop, after the first loop has bound its sockets.
        func forNextLoop(port: Int?, _ sockets: [Int32]) throws(OSError) -> Listener {
            if case .tcp(let hosts, _) = place, let port { return .tcp(hosts: hosts, port: port) }
            do {
                return .sockets(try ByteDescriptor.duplicates(of: sockets))
            } catch {
                throw OSError(error, "sharing a socket among loops")
            }
        }

        /// Binds the sockets. The method suspends only to resolve names.
        ///
        /// - Throws: ``OSError``, whose message names the address, if an address cannot be bound; ``ResolveError`` if a
        ///   host cannot be resolved; ``ValueError`` if the listener is not valid; ``RuntimeError`` if the loop already
        ///   uses a socket; `CancellationError` if the task is cancelled. In all of these cases, no new socket is left
        ///   open. The caller still owns the sockets that it passed, unless the error is an ``OSError``.
        func bind(_ options: Options, on loop: EventLoop) async throws -> [any StreamListener] {
            if let stack = loop.networkStack { return try await bind(options, on: loop, stack) }
            return try await bindToSystem(options, on: loop).map { SystemListener($0, on: loop) }
        }

        func bindToSystem(_ options: Options, on loop: EventLoop) async throws -> [ListeningSocket] {
            switch place {
            case .tcp(let hosts, let port):
                try await bindSockets(
                    hosts: hosts, port: port, family: options.family, options.ofSockets, on: loop)
            case .unix(let path): [try bindUnixSocket(to: Endpoint(path: path), cleansUp: options.cleanupSocket)]
            case .sockets(let descriptors): try adoptListeners(descriptors, on: loop)
            }
        }

        private func bind(
            _ options: Options, on loop: EventLoop, _ stack: any NetworkStack
        ) async throws -> [any StreamListener] {
            let addresses: [SystemAddress]
            switch place {
            case .tcp(let hosts, let port):
                addresses = try await resolveToListen(
                    on: hosts, port: port, family: options.family, isDualStack: options.dualStack, on: loop)
            case .unix(let path): addresses = [try Endpoint(path: path).system]
            case .sockets:
                try stack.refuse("a server on sockets that are already bound")
                return []
            }
            return try bindAll(addresses) { address throws(Errno) in
                try stack.bind(to: address, options)
            } address: {
                $0.address
            }
        }
    }
}

extension String? {
    /// A host that stands for all network interfaces of the machine. This value is the same as `nil`.
    ///
    /// ```swift
    /// let server = try await startServer(host: .anyInterface, port: 8080, handle)
    /// ```
    public static var anyInterface: String? { nil }
}

extension Server {
    /// Takes ownership of the sockets that systemd, or another supervisor that uses the same protocol, opened for this
    /// process. Pass the sockets to ``Listener/sockets(_:)``.
    ///
    /// The array is empty if the process was not socket-activated, or if an earlier call took the sockets.
    ///
    /// This method reads `LISTEN_PID` and `LISTEN_FDS`, marks the descriptors close-on-exec, and removes the variables,
    /// so that no child process mistakes the sockets for its own; see sd_listen_fds(3).
    public static func takeSystemdSockets() -> [Int32] { ActivationSockets.take() }
}
