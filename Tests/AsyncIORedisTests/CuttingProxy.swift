import AsyncIO

/// Forwards connections to a server, and damages the first one.
final class CuttingProxy {
    enum Damage {
        case none
        /// The connection ends after so many bytes of one direction.
        case cut(after: Int, fromServer: Bool, reset: Bool)
        /// One direction carries so many bytes and no more, but the connection stays open.
        case stall(after: Int, fromServer: Bool)
        /// Each byte goes on its own.
        case trickle
    }

    private let target: Int
    private(set) var damage = Damage.none
    /// How many bytes went from the client to the server, and back, over the first connection.
    private(set) var sent = 0
    private(set) var received = 0
    private(set) var connections = 0
    private var server: Server?
    private var writers: [StreamWriter] = []

    private init(target: Int) { self.target = target }

    /// Set when the server has started.
    private(set) var port = 0

    static func run(to target: Int, _ body: (CuttingProxy) async throws -> Void) async throws {
        let proxy = CuttingProxy(target: target)
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await proxy.forward(reader, writer)
        }
        proxy.server = server
        proxy.port = server.port
        do {
            try await body(proxy)
        } catch {
            server.close()
            proxy.abortAll()
            throw error
        }
        server.close()
        proxy.abortAll()
    }

    /// The next connection is damaged in this way.
    func begin(_ damage: Damage) {
        self.damage = damage
        (sent, received, connections) = (0, 0, 0)
        abortAll()
    }

    private func abortAll() {
        for writer in writers { writer.abort() }
        writers = []
    }

    private func forward(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        connections += 1
        let isFirst = connections == 1
        let damage = isFirst ? self.damage : .none
        let (serverReader, serverWriter) = try await openConnection(host: "127.0.0.1", port: target)
        writers += [writer, serverWriter]
        func end(reset: Bool) {
            if reset { writer.reset() } else { writer.abort() }
            serverWriter.abort()
        }
        func pump(_ reader: StreamReader, _ writer: StreamWriter, fromServer: Bool) async {
            do {
                while true {
                    var bytes = try await reader.read(65_536)
                    if bytes.isEmpty { break }
                    var reset: Bool?
                    switch damage {
                    case .cut(let limit, fromServer, let isReset):
                        let room = limit - (fromServer ? received : sent)
                        if bytes.count >= room {
                            bytes = Array(bytes.prefix(room))
                            reset = isReset
                        }
                    case .stall(let limit, fromServer):
                        bytes = Array(bytes.prefix(max(0, limit - (fromServer ? received : sent))))
                    default: break
                    }
                    if isFirst { if fromServer { received += bytes.count } else { sent += bytes.count } }
                    if case .trickle = damage {
                        for byte in bytes {
                            try await writer.write([byte])
                            try await sleep(.zero)
                        }
                    } else {
                        try await writer.write(bytes)
                    }
                    if let reset {
                        // What was written must arrive before the end does.
                        try await sleep(.milliseconds(1))
                        return end(reset: reset)
                    }
                }
            } catch {}
            end(reset: false)
        }
        let back = createTask { await pump(serverReader, writer, fromServer: true) }
        await pump(reader, serverWriter, fromServer: false)
        try await back.value
    }
}
