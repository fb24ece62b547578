import ArgumentParser
import AsyncIO
import Glibc

/// A web server that uses every processor with one process. Try:
///
///     multicore-server --port 8080 &
///     curl localhost:8080           # says which loop answers, and how many requests all loops have answered
///     kill %1                       # lets open connections finish, and exits
///
/// Each loop serves its own connections. The count belongs to an actor. Lines for the log are sent to one loop through
/// a mailbox.
@main
struct MulticoreServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "multicore-server", abstract: "Runs a web server on several event loops in one process.",
        discussion: "SIGTERM and Ctrl-C shut it down gracefully.")

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any free port.")
    var port = 8080

    @Option(help: "The number of loops; by default, one per processor.")
    var loops: Int?

    @Flag(help: "Whether the loops use batch scheduling, for clients that run on the same processors.")
    var batch = false

    @Flag(help: "Whether other processes can listen on the same port.")
    var reusePort = false

    @Option(help: "How long connections can continue after SIGTERM, in seconds.")
    var grace = 10

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be in 0...65535, got \(port)") }
        guard loops ?? 1 > 0 else { throw ValidationError("--loops must be at least 1, got \(loops ?? 1)") }
        guard grace >= 0 else { throw ValidationError("--grace must not be negative, got \(grace)") }
    }

    func run() throws {
        let main = try EventLoopThread(name: "main")
        try main.wait { [self] _ in try await serve() }
        try main.close()
    }

    private func serve() async throws {
        let requests = Counter()
        let log = Mailbox<String>(maxSize: 1_000)
        let server = try await startMultiLoopServer(
            host: host, port: port, loops: loops.map { EventLoopThread.Count($0) } ?? .perProcessor,
            scheduling: batch ? .batch : .normal, options: .init(backlog: 1_024, reusePort: reusePort)
        ) { io, reader, writer in
            while let head = try await requestHead(from: reader) {
                let text = "loop \(io.loop.name), request \(await requests.next())\n"
                let closes = head.contains("connection: close") || io.isShutDown
                try await writer.write(response(text, closes: closes))
                try await log.put("answered on \(io.loop.name)")
                if closes { break }
            }
        }
        let writing = createTask {
            for try await line in log { print(line) }
        }
        try await server.serve(until: .terminate, .interrupt, grace: .seconds(grace)) {
            print("READY port \(server.port), \(server.loops.count) loops")
            fflush(nil)
        }
        log.shutdown()
        try await writing.value
    }
}

private actor Counter {
    private var count = 0

    func next() -> Int {
        count += 1
        return count
    }
}

/// Reads the head of a request, which ends with an empty line; nil at the end of the connection. Bodies are not
/// supported.
private func requestHead(from reader: StreamReader) async throws -> [String]? {
    var lines: [String] = []
    while let line = try await reader.readTextLine() {
        let line = line.lowercased().filter { $0 != "\r" }
        if line.isEmpty { return lines }
        lines.append(line)
    }
    return nil
}

private func response(_ text: String, closes: Bool) -> String {
    """
    HTTP/1.1 200 OK\r
    Content-Type: text/plain\r
    Content-Length: \(text.utf8.count)\r
    Connection: \(closes ? "close" : "keep-alive")\r
    \r
    \(text)
    """
}
