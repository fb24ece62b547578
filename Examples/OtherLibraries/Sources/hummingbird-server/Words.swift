import AsyncIO
import ServiceLifecycle

/// Looks up words on a server that speaks a protocol of lines, over connections that are used again.
///
/// It runs on an event loop on a thread of its own. As a service, it ends the loop when the application has shut
/// down.
actor Words: Service {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }

    private typealias Connection = (reader: StreamReader, writer: StreamWriter)

    private let port: Int
    /// The connections that no request uses.
    private var idle: [Connection] = []

    init(on io: EventLoopThread, port: Int) { (self.io, self.port) = (io, port) }

    /// The meaning of a word.
    ///
    /// - Throws: ``TimeoutError`` if the server does not respond within two seconds.
    func meaning(of word: String) async throws -> String {
        try await withTimeout(.seconds(2)) {
            let connection = try await freeConnection()
            do {
                try await connection.writer.write(word + "\n")
                guard let line = try await connection.reader.readTextLine() else { throw RuntimeError("no response") }
                idle.append(connection)
                return line
            } catch {
                // The response may still arrive, and must not be mistaken for the response to another request.
                connection.writer.abort()
                throw error
            }
        }
    }

    private func freeConnection() async throws -> Connection {
        if let connection = idle.popLast() { return connection }
        return try await openConnection(host: "127.0.0.1", port: port)
    }

    /// The number of connections that no request uses.
    var idleCount: Int { idle.count }

    private func closeConnections() {
        for connection in idle { connection.writer.close() }
        idle = []
    }

    // This does not run on the loop, because a loop cannot wait for its own end.
    nonisolated func run() async throws {
        try? await gracefulShutdown()
        await closeConnections()
        try await io.shutDown(within: .seconds(10))
    }
}

/// Stands for a server elsewhere. It responds slowly to "slow", and not at all to "silence".
actor WordServer {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
    private var server: Server?

    init(on io: EventLoopThread) { self.io = io }

    /// - Parameter whenSlow: Called when a slow request has arrived.
    /// - Returns: The port.
    func start(whenSlow: @escaping @Sendable () -> Void) async throws -> Int {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await word in reader.lines where word != "silence" {
                if word == "slow" {
                    whenSlow()
                    try await sleep(.milliseconds(300))
                }
                try await writer.write("the meaning of \(word)\n")
            }
        }
        self.server = server
        return server.port
    }
}
