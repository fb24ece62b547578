import AsyncIO

/// Forwards connections to a server, until a test holds what they carry, cuts them, or moves them to another server.
final class Partition {
    private var target: Int
    private var server: Server?
    private var writers: [StreamWriter] = []
    /// Set while bytes pass.
    private let toServer = Event()
    private let toClient = Event()

    private init(target: Int) {
        self.target = target
        heal()
    }

    /// Set when the server has started.
    private(set) var port = 0
    var url: String { "redis://127.0.0.1:\(port)" }

    static func run(to target: Int, _ body: (Partition) async throws -> Void) async throws {
        let partition = Partition(target: target)
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await partition.forward(reader, writer)
        }
        partition.server = server
        partition.port = server.port
        defer {
            server.close()
            partition.cut()
            partition.heal()
        }
        try await body(partition)
    }

    /// Stops carrying bytes. Connections stay open, and new ones are accepted.
    func hold(toServer: Bool = true, toClient: Bool = true) {
        if toServer { self.toServer.clear() }
        if toClient { self.toClient.clear() }
    }

    /// Carries what was held, and what comes.
    func heal() {
        toServer.set()
        toClient.set()
    }

    /// Ends all connections.
    func cut() {
        for writer in writers { writer.abort() }
        writers = []
    }

    /// Ends all connections, and forwards the next ones to another server.
    func move(to target: Int) {
        self.target = target
        cut()
    }

    private func forward(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        let (serverReader, serverWriter) = try await openConnection(host: "127.0.0.1", port: target)
        writers += [writer, serverWriter]
        func pump(_ reader: StreamReader, _ writer: StreamWriter, while open: Event) async {
            do {
                while true {
                    let bytes = try await reader.read(65_536)
                    if bytes.isEmpty { break }
                    try await open.wait()
                    try await writer.write(bytes)
                }
            } catch {}
        }
        let back = createTask {
            await pump(serverReader, writer, while: self.toClient)
            writer.abort()
        }
        await pump(reader, serverWriter, while: toServer)
        serverWriter.abort()
        try await back.value
    }
}
