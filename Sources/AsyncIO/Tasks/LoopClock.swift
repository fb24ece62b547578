/// The clock of the running event loop, for code that takes a clock as a parameter.
///
/// On a loop that runs in real time, this clock is equivalent to `ContinuousClock`. On a loop that runs in virtual
/// time, this clock returns the loop's time. In programs that link AsyncIOTesting, `ContinuousClock` also returns the
/// loop's time. Sleeping on this clock is equivalent to calling ``sleep(until:)``. Sleeping tasks wake in the same
/// order as in asyncio, are visible in `asyncio ps`, and need only one timer each.
///
/// ```swift
/// for await burst in events.debounce(for: .seconds(5), clock: .loop) { … }
/// ```
///
/// On a thread that does not run a loop, this clock is equivalent to `ContinuousClock`.
///
/// asyncio: `loop.time`, `loop.call_at`.
public struct LoopClock: Clock {
    /// The type of the clock's instants. `ContinuousClock` uses the same type, so you can use a deadline from one clock
    /// with the other clock.
    public typealias Instant = ContinuousClock.Instant

    /// Creates a clock. All instances are equivalent.
    public init() {}

    /// The current time of the loop; see ``EventLoop/now``.
    public var now: Instant { EventLoop.here?.now ?? ContinuousClock.now }

    /// The resolution of the clock, which is one nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Suspends the current task until `deadline`.
    ///
    /// - Parameter tolerance: This parameter is ignored, because the timers of a loop are always as precise as the
    ///   system allows.
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
