public import AsyncIO

/// Records the reports to the exception handler of the running loop, so that a test can check them.
///
/// ```swift
/// let reports = try ReportRecorder()
/// createTask { throw Refused() }
/// try await settled()
/// #expect(reports.messages == ["Task exception was never retrieved"])
/// ```
///
/// Recorded reports do not fail the test, even with a trait whose `failsOnReports` is `true`.
public final class ReportRecorder {
    /// The reports so far, oldest first.
    public private(set) var reports: [ExceptionContext] = []

    /// Replaces the exception handler of the running loop.
    ///
    /// - Throws: `RuntimeError` if no loop is running on this thread.
    public init() throws(RuntimeError) {
        try EventLoop.running.setExceptionHandler { [weak self] report in self?.reports.append(report) }
    }

    /// The messages of the reports, oldest first.
    public var messages: [String] { reports.map(\.message) }
}

@available(*, unavailable, message: "a recorder belongs to its loop's thread")
extension ReportRecorder: Sendable {}
