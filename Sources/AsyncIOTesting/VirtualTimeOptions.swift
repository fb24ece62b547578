internal import AsyncIO

/// The settings of a test in virtual time.
struct VirtualTimeOptions: Sendable, Equatable {
    /// The date at which virtual time begins, as the time since 1970, or nil for the default date.
    var date: Duration?
    /// How long the loop waits in real time for an answer from another thread.
    var grace = Duration.milliseconds(100)
    /// The time of other threads.
    var threads = ThreadTime.real
    /// Whether errors that are never retrieved, and other reports to the exception handler, fail the test.
    var failsOnReports = true
    /// How long the test can run in real time, or nil for no limit.
    var limit: Duration? = .seconds(120)

    func makeRunner(seed: UInt64?) -> Runner {
        Runner(virtualTimeWithSeed: seed) { loop in
            loop.setVirtualGrace(grace)
            if let date { loop.setVirtualStartDate(date) }
        }
    }
}
