import AsyncIO

/// The main job: a line server and its clients, in one process and on one thread.
///
/// All clients connect before the first message is sent, so that all connections are open at the same time. Each client
/// then sends its messages one by one, and checks that each message comes back unchanged.
struct MainJob {
    let messages: Messages
    let clients: Int
    /// The port that the server listens on, or 0 for any free port.
    let port: Int

    /// The maximum total number of messages in flight for all clients.
    private static let inFlight = 100
    /// The maximum time that a client waits for its connection and for each reply.
    private static let patience = Duration.seconds(30)

    func run() async throws {
        try Descriptors.provide(forConnections: clients)
        let tally = Tally(expected: messages.count)
        let server = try await startServer(
            host: "127.0.0.1", port: port, options: .init(backlog: clients, limit: messages.limit), echo)
        let port = server.port

        let progress = createTask(name: "progress") { try await showProgress(of: tally) }
        let connections = try await connectAll(to: port)
        tally.begin()
        let semaphore = Semaphore(Self.inFlight)
        try await withAsyncTaskGroup { group in
            for (number, connection) in connections.enumerated() {
                try group.createTask(name: "client \(number)") {
                    await talk(connection, as: number, semaphore, tally)
                }
            }
        }
        tally.end()
        progress.cancel()
        try? await progress.value

        server.close()
        try await server.waitClosed()
        print(Summary(tally, clients: clients))
        if let error = tally.firstError { throw Failure("\(tally.errors) errors; the first: \(error)") }
    }

    // MARK: The server

    /// Sends each line back.
    private func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        do {
            while true {
                let line = try await reader.readLine()
                if line.isEmpty { return }
                try await writer.write(line)
            }
        } catch is OSError {
            // The client disconnected. The client counts the error itself.
        }
    }

    // MARK: The clients

    private typealias Connection = (reader: StreamReader, writer: StreamWriter)

    /// Connects all clients at the same time.
    private func connectAll(to port: Int) async throws -> [Connection] {
        let attempts = (0..<clients).map { _ in
            createTask {
                try await withTimeout(Self.patience) {
                    try await openConnection(host: "127.0.0.1", port: port, options: .init(limit: messages.limit))
                }
            }
        }
        return try await gather(attempts)
    }

    /// Sends one client's messages, checks the replies, and counts the errors.
    private func talk(
        _ connection: Connection, as client: Int, _ semaphore: Semaphore, _ tally: Tally
    ) async {
        defer { connection.writer.close() }
        do {
            for message in messages.of(client: client, among: clients) {
                let reply = try await semaphore.withLock {
                    let start = ContinuousClock.now
                    let reply = try await withTimeout(Self.patience) { try await exchange(message, connection) }
                    tally.note(latency: start.duration(to: .now))
                    return reply
                }
                if reply != message { tally.note(Failure("client \(client) received a different line than it sent")) }
            }
        } catch {
            tally.note(error)
        }
    }

    private func exchange(_ message: [UInt8], _ connection: Connection) async throws -> [UInt8] {
        try await connection.writer.write(message)
        return try await connection.reader.readLine()
    }
}

/// An error that ends the program with a one-line message.
nonisolated struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
