// The code of Sources/AsyncIO/AsyncIO.docc/Deploying.md. It listens on fixed ports and handles
// signals, so it is only compiled. Examples and Tests/Programs contain programs that run.

import AsyncIO

func handle(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    for try await line in reader.lines { try await writer.write("\(line)\n") }
}

/// From the documentation of `AsyncIO.main`.
enum AsyncMains {
    static func serve() async throws {}

    struct Program {
        static func main() async {
            await AsyncIO.main { try await serve() }
        }
    }
}

enum Deploying {
    static func untilTold() throws {
        AsyncIO.main {
            let server = try await startServer(host: .anyInterface, port: 8080) { reader, writer in
                try await handle(reader, writer)
            }
            for try await _ in try signals(.terminate, .interrupt) { break }
            try await server.shutdown(within: .seconds(20))
        }
    }

    static func severalWorkers() throws {
        try runWorkers(count: .cores, listen: [.tcp(host: .anyInterface, port: 8080)], grace: .seconds(20)) { worker in
            let server = try await startServer(on: .sockets(worker.sockets)) { reader, writer in
                try await handle(reader, writer)
            }
            try await worker.serve(server)
        }
    }

    static func socketActivation() throws {
        AsyncIO.main {
            let sockets = Server.takeSystemdSockets()
            let listener: Server.Listener =
                sockets.isEmpty ? .tcp(host: "127.0.0.1", port: 8080) : .sockets(sockets)
            let server = try await startServer(on: listener) { try await handle($0, $1) }
            for try await _ in try signals(.terminate, .interrupt) { break }
            try await server.shutdown(within: .seconds(20))
        }
    }
}
