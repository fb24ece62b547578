import ArgumentParser
import AsyncIO
import InMemoryTracing
import Tracing

/// Shows what each request did as a tree of spans, across tasks, callbacks, and threads.
@main
struct TracedRequests: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traced-requests", abstract: "Serves requests and prints the spans of each.",
        discussion: """
            Each request is a span. Its work is done by other tasks, on a thread, and in a callback that runs later. \
            The spans of all of these are its children, although no code passes a context around.
            """)

    @Option(help: "The number of requests to make at the same time.")
    var requests = 2

    func validate() throws {
        guard requests > 0 else { throw ValidationError("--requests must be at least 1, got \(requests)") }
    }

    func run() throws {
        let tracer = InMemoryTracer()
        InstrumentationSystem.bootstrap(tracer)
        AsyncIO.main {
            let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                for try await name in reader.lines {
                    let answer = try await withSpan("request \(name)") { _ in try await work(for: name) }
                    try await writer.write(answer + "\n")
                }
            }
            try await withServer(server) { server in
                _ = try await gather(1...requests) { number in
                    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                    try await writer.write("\(number)\n")
                    _ = try await reader.readLine()
                    writer.close()
                }
            }
            printTree(of: tracer.finishedSpans)
        }
    }
}

private func work(for name: String) async throws -> String {
    // In the background, for later.
    let audited = Future<Void>()
    try EventLoop.running.callLater(.milliseconds(5)) {
        try withSpan("audit") { _ in try audited.setResult(()) }
    }
    // Two tasks at once, one of which uses a thread.
    let (user, digest) = try await gather(
        { try await withSpan("find user") { _ in try await find(name) } },
        { try await toThread { withSpan("digest") { _ in name.utf8.reduce(5381) { $0 &* 33 &+ Int($1) } } } })
    try await audited.value
    return "\(user) \(digest)"
}

private func find(_ name: String) async throws -> String {
    let query = createTask { try await withSpan("query") { _ in try await sleep(.milliseconds(2)) } }
    try await query.value
    return "user \(name)"
}

private func printTree(of spans: [FinishedInMemorySpan], below parent: String? = nil, indentation: String = "") {
    for span in spans.filter({ $0.parentSpanID == parent }).sorted(by: { $0.operationName < $1.operationName }) {
        print(indentation + span.operationName)
        printTree(of: spans, below: span.spanID, indentation: indentation + "  ")
    }
}
