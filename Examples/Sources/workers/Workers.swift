import ArgumentParser
import AsyncIO
import Glibc
import HTTP

/// A web server in as many processes as the machine has processors. Try:
///
///     workers --port 8080 &
///     curl localhost:8080           # says which process answers
///     kill -HUP %1                  # replaces the workers; no connection is refused or lost
///     kill %1                       # lets connections come to their end, and ends
@main
struct Workers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "A web server in several processes under one supervisor.",
        discussion: "SIGHUP replaces the workers, SIGTERM and Ctrl-C end them in order.")

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for a free one.")
    var port = 8080

    @Option(help: "How many workers; 0 for none but this process. As many as there are processors if not given.")
    var count: Int?

    @Option(help: "How many seconds connections may go on when a worker stops.")
    var grace = 10

    @Option(help: "How many microseconds each answer computes, to see what several processors are good for.")
    var work = 0

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
        guard count ?? 1 >= 0, grace >= 0, work >= 0 else { throw ValidationError("Numbers cannot be negative.") }
    }

    func run() throws {
        let count: WorkerCount = self.count.map { $0 == 0 ? .inProcess : WorkerCount($0) } ?? .cores
        try runWorkers(
            count: count, listen: [.tcp(host: host, port: port)], grace: .seconds(grace)
        ) { [work] worker in
            let server = try await startServer(descriptors: worker.sockets, backlog: 1_024) { reader, writer in
                // One request after the other, as long as the client wants. The body of a request is not
                // read, so that there is no next request after one.
                while let request = try await HTTPHead(from: reader) {
                    compute(for: .microseconds(work))
                    let closes = request.closes || request.hasBody || worker.isStopping
                    try await writer.write(answer(of: worker, closes: closes))
                    if closes { break }
                }
            }
            print("READY worker \(worker.number), process \(getpid()), port \(server.port ?? 0)")
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

/// Stands for work.
private func compute(for duration: Duration) {
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {}
}
