import Glibc
import Logging
import Synchronization
import Testing

/// Stores what the library logs while tests run in this process, instead of printing it, so that a
/// passing run prints nothing. `ASYNCIO_TEST_LOG=1` prints it.
nonisolated struct TestLog: LogHandler {
    static let kept = Mutex<[String]>([])

    /// Replaces the log handler once.
    static let isKept: Bool = {
        let output: @Sendable (String) -> any LogHandler = StreamLogHandler.standardError(label:)
        let isPrinted = getenv("ASYNCIO_TEST_LOG") != nil
        LoggingSystem.bootstrap { label in isPrinted ? output(label) : TestLog() }
        return true
    }()

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = "\(event.level) \(event.message)"
        Self.kept.withLock { $0.append(line) }
    }
}

/// Replaces the log handler when tests are discovered, before any of them runs. The process of an
/// exit test does not discover tests, and has a log of its own.
nonisolated struct LogKeepingTrait: SuiteTrait {
    init() { _ = TestLog.isKept }
}

extension Trait where Self == LogKeepingTrait {
    nonisolated static var keepsTheLog: Self { Self() }
}

@Suite(.keepsTheLog) struct TestLogTests {
    @Test func whatIsLoggedIsKept() throws {
        Logger(label: "asyncio").warning("a warning of the tests")
        try #require(getenv("ASYNCIO_TEST_LOG") == nil)
        #expect(TestLog.kept.withLock { $0.contains("warning a warning of the tests") })
    }
}
