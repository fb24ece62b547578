/// The clock of the running event loop, for code that takes a clock as a parameter.
///
/// In real time, it is the same as `ContinuousClock`. On a loop in virtual time, it shows the loop's time. In programs
/// that link AsyncIOTesting, `ContinuousClock` does the same. Sleeping on this clock is the same as calling
/// ``sleep(until:)``: it follows asyncio's order, is visible in `asyncio ps`, and needs one timer.
///
/// ```swift
/// for await burst in events.debounce(for: .seconds(5), clock: .loop) { … }
/// ```
///
/// On a thread that runs no loop, it is `ContinuousClock`.
///
/// asyncio: `loop.time`, `loop.call_at`.
public struct LoopClock: Clock {
    /// The type of the instants, which is that of `ContinuousClock`. You can therefore pass deadlines from one clock to
    /// the other.
    public typealias Instant = ContinuousClock.Instant

    /// Creates a clock. All instances are equivalent.
    public init() {}

    /// The current time of the loop; see ``EventLoop/now``.
    public var now: Instant { EventLoop.here?.now ?? ContinuousClock.now }

    /// One nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends the current task until `deadline`.
    ///
    /// - Parameter tolerance: This is ignored, because the timers of a loop are as precise as the system allows.
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
