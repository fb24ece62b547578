#if ServiceLifecycle
    public import ServiceLifecycle

    /// A ``Server`` as a service of swift-service-lifecycle: it serves until its group shuts down
    /// gracefully, and then ends in order. There with the package's trait `ServiceLifecycle`.
    ///
    /// ```swift
    /// let server = try await startServer(host: "::1", port: 8080, startServing: false, handler)
    /// let group = ServiceGroup(
    ///     services: [ServerService(server, within: .seconds(10))],
    ///     gracefulShutdownSignals: [.sigterm], logger: Logger(label: "app"))
    /// try await group.run()
    /// ```
    @MainActor
    public final class ServerService: Service, CustomStringConvertible {
        private let server: Server
        private let grace: Duration

        /// What the group's messages call it.
        public nonisolated let description: String

        /// - Parameters:
        ///   - server: best one that does not listen yet (`startServing: false`): the service
        ///     begins that when its group runs it. It is the service's from now on.
        ///   - grace: how long its connections have to come to their end once the shutdown has
        ///     begun; see ``Server/shutdown(within:)``.
        public init(_ server: Server, within grace: Duration = .seconds(10)) {
            self.server = server
            self.grace = grace
            description = "Server on \(server.addresses.map(\.description).joined(separator: ", "))"
        }

        /// Serves until a graceful shutdown, or until the server is closed; then accepts no more,
        /// lets the connections come to their end, and cuts off those that take longer than the
        /// grace. Cancellation cuts them off at once.
        ///
        /// - Throws: ``OSError`` if the system refuses to listen; ``RuntimeError`` if the server
        ///   is closed already; `CancellationError`.
        public func run() async throws {
            let loop = try EventLoop.running
            try server.startServing()
            do {
                try await withGracefulShutdownHandler {
                    try await server.waitClosing()
                } onGracefulShutdown: {
                    // From whatever thread. A loop that is closed has closed its servers.
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
