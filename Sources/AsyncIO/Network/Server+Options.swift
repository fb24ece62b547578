internal import AsyncIOSystem

extension Server {
    /// Server settings that most servers do not need; see
    /// ``startServer(host:port:tls:options:isolation:fileID:line:_:)``.
    ///
    /// ```swift
    /// let server = try await startServer(port: 8080, options: .init(backlog: 1_024, reusePort: true), handle)
    /// ```
    ///
    /// asyncio: the keyword arguments of `start_server`, `create_server`, and their Unix forms.
    public struct Options: Sendable {
        /// The address family to listen on, or `nil` for both families. This option is for TCP only.
        public var family: Endpoint.Family?
        /// The maximum number of connections that can wait in the kernel's accept queue.
        public var backlog: Int
        /// The maximum length of a line, in bytes. This option is only for servers that use streams.
        public var limit: Int
        /// Whether the port can be bound while connections of an earlier server are still in the `TIME_WAIT` state.
        /// This option is for TCP only.
        public var reuseAddress: Bool
        /// Whether other processes can listen on the same port. The kernel distributes the connections among the
        /// processes. This option is for TCP only.
        public var reusePort: Bool
        /// Whether the system probes connections that have been idle for a long time. This option is for TCP only.
        public var keepAlive: Bool
        /// Whether small writes are sent at once (`TCP_NODELAY`). This option is for TCP only.
        public var noDelay: Bool
        /// Whether to listen on all interfaces with a single IPv6 socket that also accepts IPv4 clients (as
        /// `::ffff:127.0.0.1`), instead of one socket for each family. This option is for TCP only.
        public var dualStack: Bool
        /// Whether to remove the socket file of a Unix socket when the server is closed, if the file still belongs to
        /// this server.
        public var cleanupSocket: Bool
        /// Whether to listen at once. If this option is `false`, the sockets are bound, but they do not listen until
        /// you call ``Server/startServing()`` or ``Server/serveForever()``.
        public var startServing: Bool
        /// The maximum number of open connections, or `nil` for no limit. Further connections wait in the kernel's
        /// accept queue until an open connection ends.
        public var maxConnections: Int?
        /// The maximum number of open connections from one host, or `nil` for no limit. Further connections are closed
        /// at once. This option is for TCP only. If ``expectsProxyHeader`` is `true`, the limit applies to the host
        /// that the proxy announces, and connections from the proxy itself are not counted.
        public var maxConnectionsPerPeer: Int?
        /// How long a connection can stay open without receiving or sending a byte, or `nil` for no limit. After that
        /// time, the connection is aborted, and reading and writing throw an ``OSError`` with `ETIMEDOUT`. The limit is
        /// checked at intervals, so the actual time can be up to 25% longer.
        public var idleTimeout: Duration?
        /// How long a connection can stay open, or `nil` for no limit. After that time, the connection is aborted, and
        /// its handler is cancelled.
        public var totalTimeout: Duration?
        /// Whether connections come from a proxy that announces the peer's address with the PROXY protocol, version 1
        /// or 2, as HAProxy, nginx, and cloud load balancers do. In that case, ``StreamWriter/peerAddress`` is the
        /// announced address. A connection is aborted if its header does not arrive within ten seconds. This option is
        /// only for servers that use streams.
        ///
        /// The header is not authenticated, so use this option only if the proxy is the only client that can connect.
        public var expectsProxyHeader: Bool

        /// Creates options. For the parameters, see the properties with the same names.
        public init(
            family: Endpoint.Family? = nil, backlog: Int = 100, limit: Int = StreamReader.defaultLimit,
            reuseAddress: Bool = true, reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true,
            dualStack: Bool = false, cleanupSocket: Bool = true, startServing: Bool = true,
            maxConnections: Int? = nil, maxConnectionsPerPeer: Int? = nil, idleTimeout: Duration? = nil,
            totalTimeout: Duration? = nil, expectsProxyHeader: Bool = false
        ) {
            self.family = family
            self.backlog = backlog
            self.limit = limit
            self.reuseAddress = reuseAddress
            self.reusePort = reusePort
            self.keepAlive = keepAlive
            self.noDelay = noDelay
            self.dualStack = dualStack
            self.cleanupSocket = cleanupSocket
            self.startServing = startServing
            self.maxConnections = maxConnections
            self.maxConnectionsPerPeer = maxConnectionsPerPeer
            self.idleTimeout = idleTimeout
            self.totalTimeout = totalTimeout
            self.expectsProxyHeader = expectsProxyHeader
        }

        /// Checks the limits.
        ///
        /// - Throws: ``ValueError`` if a limit is not positive.
        func checkLimits() throws(ValueError) {
            let counts = [("maxConnections", maxConnections), ("maxConnectionsPerPeer", maxConnectionsPerPeer)]
            for (name, number) in counts {
                if let number, number < 1 { throw ValueError("\(name) must be positive, got \(number)") }
            }
            for (name, duration) in [("idleTimeout", idleTimeout), ("totalTimeout", totalTimeout)] {
                if let duration, duration <= .zero { throw ValueError("\(name) must be positive, got \(duration)") }
            }
        }

        /// The backlog, limited to the range that the system accepts.
        var queueLength: Int { min(max(1, backlog), Int(Int32.max)) }

        var ofSockets: Socket.Options {
            Socket.Options(
                reuseAddress: reuseAddress, reusePort: reusePort, keepAlive: keepAlive, noDelay: noDelay,
                dualStack: dualStack)
        }
    }
}
