import ArgumentParser
import AsyncIO
import Glibc
import HTTP

/// A web server that runs one process per processor. Try:
///
///     workers --port 8080 &
///     curl localhost:8080           # says which process answers
///     kill -HUP %1                  # replaces the workers; no connection is refused or lost
///     kill %1                       # lets open connections finish, and exits
@main
struct Workers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Runs a web server in several processes under one supervisor.",
        discussion: "SIGHUP replaces the workers. SIGTERM and Ctrl-C shut them down gracefully.")

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any free port.")
    var port = 8080

    @Option(help: "The number of workers; by default, one per processor. 0 runs everything in this process.")
    var count: Int?

    @Option(help: "How long connections can continue when a worker stops, in seconds.")
    var grace = 10

    @Option(help: "How long each response computes, in microseconds, to see the benefit of several processors.")
    var work = 0

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be in 0...65535, got \(port)") }
        guard count ?? 1 >= 0, grace >= 0, work >= 0 else { throw ValidationError("numbers must not be negative") }
    }

    func run() throws {
        let count: Worker.Count = self.count.map { $0 == 0 ? .inProcess : Worker.Count($0) } ?? .cores
        try runWorkers(
            count: count, listen: [.tcp(host: host, port: port)], grace: .seconds(grace)
        ) { [work] worker in
            let server = try await startServer(on: .sockets(worker.sockets), options: .init(backlog: 1_024)) {
                reader, writer in
                // Answer one request after another, as long as the client sends them. The body of a request
                // is not read, so a request with a body is the last one.
                while let request = try await HTTPHead(from: reader) {
                    compute(for: .microseconds(work))
                    let closes = request.closes || request.hasBody || worker.isStopping
                    try await writer.write(answer(of: worker, closes: closes))
                    if closes { break }
                }
            }
            print("READY worker \(worker.number), process \(getpid()), port \(server.port)")
            fflush(nil)
            try await worker.serve(server)
        }
    }
}

private func answer(of worker: Worker, closes: Bool) -> String {
    let text = "worker \(worker.number), process \(getpid())\n"
    return """
        HTTP/1.1 200 OK\r
        Content-Type: text/plain\r
        Content-Length: \(text.utf8.count)\r
        Connection: \(closes ? "close" : "keep-alive")\r
        \r
        \(text)
        """
}

/// Simulates work.
private func compute(for duration: Duration) {
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {}
}
