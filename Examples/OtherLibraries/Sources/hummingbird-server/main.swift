// A web application on Swift's own executors, with Hummingbird. Its handlers look up words on another server, with
// streams of an event loop that has a thread of its own.
//
//     hummingbird-server --port 8080      serves http://127.0.0.1:8080/words/hello until SIGTERM
//     hummingbird-server --check          sends requests to itself; status 1 if a response is wrong

import AsyncIO
import Glibc
import Hummingbird
import Logging
import NIOCore

func makeRouter(_ words: Words) -> Router<BasicRequestContext> {
    let router = Router()
    router.get("words/:word") { _, context in
        let word = try context.parameters.require("word")
        do {
            // This is a task of the loop, so it is cancelled when the loop ends.
            return try await words.io.run { _ in try await words.meaning(of: word) }
        } catch is TimeoutError {
            throw HTTPError(.gatewayTimeout)
        }
    }
    router.get("loop") { _, _ in EventLoop.current == nil ? "none" : "on a loop" }
    return router
}

let arguments = CommandLine.arguments.dropFirst()
let isCheck = arguments.first == "--check"
let port = arguments.first == "--port" ? arguments.last.flatMap { Int($0) } ?? 8080 : 8080

let io = try EventLoopThread(name: "words")
let (slowRequests, slowRequest) = AsyncStream<Void>.makeStream()
let wordServer = WordServer(on: io)
let words = Words(on: io, port: try await wordServer.start(whenSlow: { slowRequest.yield() }))

var logger = Logger(label: "hummingbird-server")
logger.logLevel = isCheck ? .error : .info
let (ports, announcement) = AsyncStream<Int>.makeStream()
let application = Application(
    router: makeRouter(words),
    configuration: .init(address: .hostname("127.0.0.1", port: isCheck ? 0 : port)),
    // It ends after the server, which waits for its requests.
    services: [words],
    onServerRunning: { channel in announcement.yield(channel.localAddress?.port ?? 0) },
    logger: logger)

if isCheck {
    async let serving: Void = application.runService()
    for await port in ports {
        let isRight = try await check("http://127.0.0.1:\(port)", words, slowRequests)
        try await serving
        print("the loop has ended: \(io.isShutDown)")
        exit(isRight && io.isShutDown ? 0 : 1)
    }
}
try await application.runService()
