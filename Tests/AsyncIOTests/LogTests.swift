import AsyncIO
import AsyncIOTesting
import Logging
import Synchronization
import Testing

/// The metadata of log messages.
@Suite struct LogTests {
    nonisolated struct Message: Sendable {
        let level: Logger.Level
        let text: String
        let metadata: [String: String]
        let thread: String
    }

    /// Stores messages. For a process of its own, which has only one log.
    nonisolated struct Keeper: LogHandler {
        static let kept = Mutex<[Message]>([])

        static func has(_ text: String) -> Bool {
            kept.withLock { $0.contains { $0.text.contains(text) } }
        }

        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
            let message = Message(
                level: event.level, text: "\(event.message)", metadata: all, thread: threadName())
            Self.kept.withLock { $0.append(message) }
        }
    }

    @Test @concurrent func everyMessageNamesTheLoopAndTheTask() async throws {
        await #expect(processExitsWith: .success) { @MainActor in
            LoggingSystem.bootstrap { _ in Keeper() }
            try atTopLevel {
                try AsyncIO.run {
                    let loop = try EventLoop.running
                    loop.name = "main loop"
                    createTask(name: "forgotten") { throw Boom() }
                    try await createTask(name: "teller") {
                        loop.callExceptionHandler(ExceptionContext(message: "something"))
                    }.value
                    _ = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
                    loop.blockedThreshold = .milliseconds(50)
                    try await createTask(name: "blocker") { block(.milliseconds(600)) }.value
                    // The first symbolization takes a while on the watchdog's thread.
                    try await eventually { Keeper.has("responsive again") }
                }
            }
            let messages = Keeper.kept.withLock { $0 }
            func message(_ text: String) throws -> Message {
                try #require(messages.first { $0.text.contains(text) }, "\(messages)")
            }
            for message in messages { #expect(message.metadata["loop"] == "main loop", "\(message)") }
            #expect(try message("never retrieved").metadata["task"] == "forgotten")
            #expect(try message("never retrieved").level == .error)
            #expect(try message("something").metadata["task"] == "teller")
            #expect(try message("unclosed server").level == .warning)
            #expect(try message("has been blocked").metadata["task"] == "blocker")
            #expect(try message("has been blocked").level == .warning)
            #expect(try message("responsive again").level == .notice)
        }
    }

    nonisolated static func failInACallback() throws {
        try atTopLevel {
            try AsyncIO.run(debug: true) {
                try EventLoop.running.callSoon { throw Boom() }
                try await sleep(.zero)
            }
        }
    }

    @Test @concurrent func inDebugModeWhatTakesLongToPutIntoWordsDoesNotHoldUpTheLoop() async throws {
        await #expect(processExitsWith: .success) { @MainActor in
            LoggingSystem.bootstrap { _ in Keeper() }
            try Self.failInACallback()
            // Closing the loop has waited for it.
            let message = try #require(Keeper.kept.withLock { $0 }.first { $0.text == "Exception in callback" })
            #expect(message.thread == "asyncio-report")
            #expect(message.metadata["trace"]?.contains("LogTests.swift:") == true, "\(message)")
            #expect(message.metadata["loop"]?.hasPrefix("EventLoop-") == true)
        }
    }
}
