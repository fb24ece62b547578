import AsyncIO

/// A part of the store, with an event loop on a thread of its own.
///
/// Its methods and the server's handlers run on the loop. The synchronous methods need no lock, and the asynchronous
/// ones can wait for events, streams, and timeouts of the loop.
actor Shard {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe io.unownedExecutor }

    private var values: [String: String] = [:]
    /// Set at the next change, and then replaced.
    private var change = Event()
    private var server: Server?

    init(name: String) throws(OSError) { io = try EventLoopThread(name: name) }

    // MARK: Values

    func value(of key: String) -> String? { values[key] }

    func set(_ value: String, for key: String) {
        values[key] = value
        change.set()
        change = Event()
    }

    func remove(_ key: String) -> String? { values.removeValue(forKey: key) }

    /// Waits until the key has a value.
    func awaitValue(of key: String, within limit: Duration?) async throws -> String {
        try await withTimeout(limit) {
            while true {
                if let value = values[key] { return value }
                try await change.wait()
            }
        }
    }

    // MARK: The server

    /// Starts a server on this loop.
    ///
    /// - Returns: The port of the server.
    func serve(port: Int, _ answer: @escaping @Sendable (String) async -> String) async throws -> Int {
        let server = try await startServer(host: "127.0.0.1", port: port) { reader, writer in
            for try await line in reader.lines { try await writer.write(await answer(line) + "\n") }
        }
        self.server = server
        return server.port
    }

    func stopServing(within grace: Duration) async throws { try await server?.shutdown(within: grace) }
}
