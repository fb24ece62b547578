// Checks how libraries that are built on SwiftNIO behave on the event loop when they are cancelled.
// Exits with status 1 if one of them does not behave as the guide "Using other libraries" says.

import AsyncHTTPClient
import AsyncIO
import Glibc
import Hummingbird
import NIOCore
import NIOPosix

/// The outcome of a body whose time ran out, and of a task that was cancelled.
struct Ending {
    /// The outcome of the other library's call: its error, or "returned".
    var body = ""
    /// What `withTimeout` threw.
    var scope = "returned"
    var took = Duration.zero
    var isTaskCancelled = false
}

func ending(_ body: @escaping () async throws -> Void) async throws -> Ending {
    var ending = Ending()
    let watched = {
        do {
            try await body()
            ending.body = "returned"
        } catch {
            ending.body = "\(type(of: error)): \(error)"
            throw error
        }
    }
    let start = ContinuousClock.now
    do { try await withTimeout(.milliseconds(300)) { try await watched() } } catch {
        ending.scope = "\(type(of: error))"
    }
    ending.took = ContinuousClock.now - start
    let task = createTask { try await watched() }
    try await AsyncIO.sleep(.milliseconds(100))
    task.cancel()
    _ = try? await task.value
    ending.isTaskCancelled = task.wasCancelled
    return ending
}

/// Carries the port of a server from a thread of NIO to the loop, to which the object belongs.
final class Announcement {
    let port = Future<Int>()
}

var failures = 0

func check(_ library: String, _ expected: (Ending) -> Bool, _ body: @escaping () async throws -> Void) async throws {
    let ending = try await ending(body)
    let isRight = expected(ending)
    if !isRight { failures += 1 }
    print("\(isRight ? "ok   " : "WRONG") \(library): \(ending)")
}

try AsyncIO.run {
    // A server that accepts requests but never responds.
    let silent = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
    let url = "http://127.0.0.1:\(silent.port)/"
    let isPrompt = { (ending: Ending) in ending.took < .seconds(1) }

    try await check("HTTPClient.execute", { $0.scope == "TimeoutError" && $0.isTaskCancelled && isPrompt($0) }) {
        _ = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
    }
    // The head arrives, but the body does not.
    let slow = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
        _ = try await reader.readText(until: "\r\n\r\n")
        try await writer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        _ = try await reader.read()
    }
    let slowURL = "http://127.0.0.1:\(slow.port)/"
    try await check("HTTPClient, its body", { $0.scope == "TimeoutError" && $0.isTaskCancelled && isPrompt($0) }) {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: slowURL), timeout: .seconds(30))
        for try await _ in response.body {}
    }
    // NIO's futures ignore cancellation: the wait ends when the promise is fulfilled.
    let group = MultiThreadedEventLoopGroup.singleton
    try await check("EventLoopFuture.get", { $0.scope == "returned" && $0.took >= .milliseconds(900) }) {
        try await group.next().scheduleTask(in: .seconds(1)) {}.futureResult.get()
    }
    // A wait of this library for a task that waits for the future can be cancelled.
    try await check("EventLoopFuture.get, shielded", { $0.scope == "TimeoutError" && isPrompt($0) }) {
        let work = createTask { try await group.next().scheduleTask(in: .seconds(1)) {}.futureResult.get() }
        try await shield(work)
    }
    try await check("a scheduled task that is cancelled", { $0.scope == "TimeoutError" && $0.isTaskCancelled }) {
        let scheduled = group.next().scheduleTask(in: .seconds(60)) {}
        try await withTaskCancellationHandler {
            try await scheduled.futureResult.get()
        } onCancel: {
            scheduled.cancel()
        }
    }
    // The errors themselves, which AsyncIO recognizes by name.
    let errors: [any Error] = [
        HTTPClientError.cancelled, EventLoopError.cancelled, IOError(errnoCode: 125, reason: "read"),
    ]
    for error in errors {
        try await check("\(type(of: error)): \(error)", { $0.scope == "TimeoutError" && $0.isTaskCancelled }) {
            do { try await Task.sleep(for: .seconds(60)) } catch _ { throw error }
        }
        // No cancellation was requested here.
        let task = createTask { throw error }
        _ = try? await task.value
        if task.wasCancelled { failures += 1 }
    }
    // A whole server, whose handlers run on this loop. It shuts down gracefully, without an error.
    try await check("Hummingbird's runService", { isPrompt($0) && $0.scope == "returned" && $0.isTaskCancelled }) {
        let router = Router()
        router.get("/") { _, _ in "hello" }
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        try await app.runService(gracefulShutdownSignals: [])
    }
    // The server responds while it runs.
    let announcement = Announcement()
    let serving = createTask {
        let router = Router()
        router.get("/loop") { _, _ in EventLoop.current == nil ? "elsewhere" : "on the loop" }
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                guard let port = channel.localAddress?.port else { return }
                await MainActor.run { try? announcement.port.setResult(port) }
            })
        try await app.runService(gracefulShutdownSignals: [])
    }
    let port = try await announcement.port.value
    let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/loop")
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
    let text = String(buffer: try await response.body.collect(upTo: 1_000))
    print("a Hummingbird handler runs \(text)")
    let start = ContinuousClock.now
    let count = 2_000
    for _ in 0..<count {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
        _ = try await response.body.collect(upTo: 1_000)
    }
    print("a request and its response: \((ContinuousClock.now - start) / count)")
    serving.cancel()
    _ = try? await serving.value
    print("the server's task is cancelled: \(serving.wasCancelled)")

    let hop = ContinuousClock.now
    for _ in 0..<10_000 { try await group.next().makeSucceededVoidFuture().get() }
    print("waiting for a NIO future: \((ContinuousClock.now - hop) / 10_000)")
    try await checkNames()
    print("types of all packages work in one file")
    try await silent.shutdown(within: .zero)
    try await slow.shutdown(within: .zero)
}
exit(failures > 0 ? 1 : 0)
