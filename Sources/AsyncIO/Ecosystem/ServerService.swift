#if ServiceLifecycle
    public import ServiceLifecycle

    /// A service of swift-service-lifecycle that runs a ``Server``.
    ///
    /// The service serves until its group shuts down gracefully, and then ends cleanly. This class requires the package
    /// trait `ServiceLifecycle`.
    ///
    /// ```swift
    /// let server = try await startServer(host: "::1", port: 8080, options: .init(startServing: false), handler)
    /// let group = ServiceGroup(
    ///     services: [ServerService(server, within: .seconds(10))],
    ///     gracefulShutdownSignals: [.sigterm], logger: Logger(label: "app"))
    /// try await group.run()
    /// ```
    @MainActor
    public final class ServerService: Service, CustomStringConvertible {
        private let server: Server
        private let grace: Duration

        /// The name of the service in the messages of its group.
        public nonisolated let description: String

        /// Creates a service that runs `server`.
        ///
        /// - Parameters:
        ///   - server: The server, which belongs to the service from now on. Pass a server that is not listening yet
        ///     (``Server/Options/startServing`` is `false`). The service starts the server when the group runs the
        ///     service.
        ///   - grace: The maximum time that open connections can take to end after the shutdown has begun; see
        ///     ``Server/shutdown(within:)``.
        public init(_ server: Server, within grace: Duration = .seconds(10)) {
            self.server = server
            self.grace = grace
            description = "Server on \(server.addresses.map(\.description).joined(separator: ", "))"
        }

        /// Serves until the group shuts down gracefully or the server is closed.
        ///
        /// After that, the server accepts no more connections and lets the open connections finish. Connections that
        /// take longer than the grace period are closed. If the task is cancelled, all connections are closed at once.
        ///
        /// - Throws: ``OSError`` if the system does not allow the server to listen;
        ///   ``RuntimeError`` if the server is already closed; `CancellationError` if the task is cancelled.
        public func run() async throws {
            let loop = try EventLoop.running
            try server.startServing()
            do {
                try await withGracefulShutdownHandler {
                    try await server.waitClosing()
                } onGracefulShutdown: {
                    // This runs on any thread. If the loop is closed, so are its servers.
                    _ = try? loop.callSoonThreadSafe { MainActor.assumeIsolated { self.server.close() } }
                }
                try await server.shutdown(within: grace)
            } catch {
                _ = try? await server.shutdown(within: .zero)
                throw error
            }
        }
    }
#endif
