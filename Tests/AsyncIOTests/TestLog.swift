import Glibc
import Logging
import Synchronization
import Testing

/// What the library logs while tests run in this process. It is kept, and not printed, so that
/// a passing run says nothing: `ASYNCIO_TEST_LOG=1` prints it all the same.
nonisolated struct TestLog: LogHandler {
    static let kept = Mutex<[String]>([])

    /// Takes over the log, once.
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

/// Takes over the log when tests are looked for, which is before any of them runs. The process of
/// an exit test does not look for tests, and has a log of its own.
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
