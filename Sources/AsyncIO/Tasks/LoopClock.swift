/// The clock of the running event loop, for code that takes a clock as a parameter.
///
/// In real time, it is the same as `ContinuousClock`. On a loop in virtual time, it is the loop's time, and so is
/// `ContinuousClock` in programs that link AsyncIOTesting. Its waits are those of ``sleep(until:)``: they take
/// part in asyncio's order, can be seen by `asyncio ps`, and cost one timer.
///
/// ```swift
/// for await burst in events.debounce(for: .seconds(5), clock: .loop) { … }
/// ```
///
/// On a thread that runs no loop, it is `ContinuousClock`.
///
/// asyncio: `loop.time`, `loop.call_at`.
public struct LoopClock: Clock {
    /// An instant is one of `ContinuousClock`, so that deadlines can be passed on.
    public typealias Instant = ContinuousClock.Instant

    /// Creates a clock. All of them are the same.
    public init() {}

    /// The current time of the loop; see ``EventLoop/now``.
    public var now: Instant { EventLoop.here?.now ?? ContinuousClock.now }

    /// One nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends the current task until `deadline`.
    ///
    /// - Parameter tolerance: Ignored: a timer of a loop is as exact as the system.
    /// - Throws: `CancellationError` if the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        guard EventLoop.here != nil else {
            return try await ContinuousClock().sleep(until: deadline, tolerance: tolerance)
        }
        try await AsyncIO.sleep(until: deadline)
    }
}

extension Clock where Self == LoopClock {
    /// The clock of the running event loop.
    public static var loop: LoopClock { LoopClock() }
}
