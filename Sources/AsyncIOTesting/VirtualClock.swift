internal import AsyncIO

/// The clock of a test in virtual time.
///
/// By default, the clock jumps to the next timer when nothing is ready. To check what happens between two timers, step
/// the clock manually:
///
/// ```swift
/// @Test(.virtualTime) func theCacheForgets() async throws {
///     let clock = try VirtualClock.current
///     clock.isAutomatic = false
///     let cache = Cache(lifetime: .seconds(60))
///     await cache.store("a")
///     try await clock.advance(by: .seconds(59))
///     #expect(await cache.contains("a"))
///     try await clock.advance(by: .seconds(1))
///     #expect(await cache.contains("a") == false)
/// }
/// ```
///
/// All code that reads a clock on the thread of the loop gets this time: `ContinuousClock`, `SuspendingClock`,
/// `Date()`, `DispatchTime.now()`, and C code. If code blocks the thread with `usleep` or `Thread.sleep`, the clock
/// advances immediately. Other threads run in real time, unless they follow the loop; see ``ThreadTime``.
///
/// asyncio: none. In trio, this is `trio.testing.MockClock`.
public struct VirtualClock {
    private let loop: EventLoop

    private init(_ loop: EventLoop) { self.loop = loop }

    /// The clock of the running loop.
    ///
    /// - Throws: `RuntimeError` if no loop is running on this thread, or if the loop is in real time.
    public static var current: VirtualClock {
        get throws(RuntimeError) {
            let loop = try EventLoop.running
            guard loop.virtualElapsed != nil else {
                throw RuntimeError(
                    "the running event loop is in real time; give the test the trait .virtualTime, or use runInVirtualTime { }"
                )
            }
            return VirtualClock(loop)
        }
    }

    /// How much time has passed since the loop was created.
    public var elapsed: Duration { loop.virtualElapsed ?? .zero }

    /// Whether the clock jumps to the next timer when nothing is ready. The default is `true`. If this is `false`, time
    /// passes only in ``advance(by:)`` and when code blocks the thread. In that case, if nothing can happen before the
    /// next timer, the test ends with a ``DeadlockError``.
    public var isAutomatic: Bool {
        get { !loop.isSteppedByHand }
        nonmutating set { loop.setVirtualLimit(newValue ? nil : elapsed, byHand: !newValue) }
    }

    /// Advances the clock by `duration`, runs everything that becomes due within that time, and waits until nothing
    /// else can run.
    ///
    /// - Throws: `CancellationError` if the task is cancelled. In that case, less time than `duration` has passed.
    public func advance(by duration: Duration) async throws {
        let end = elapsed + max(duration, .zero)
        if !isAutomatic { loop.setVirtualLimit(end, byHand: true) }
        // If the task is cancelled, the clock keeps its current time.
        defer { if !isAutomatic { loop.setVirtualLimit(elapsed, byHand: true) } }
        try await sleep(until: loop.now + (end - elapsed))
        try await settled()
    }

    /// Sets the date that `Date()` and other wall clocks show. These clocks continue from that date.
    ///
    /// A loop in virtual time begins on 1 January 2001 at 00:00 UTC. Therefore, unless you set the date,
    /// `Date().timeIntervalSinceReferenceDate` is the number of seconds that have passed.
    ///
    /// - Parameter date: The time since 1 January 1970 at 00:00 UTC.
    public func setDate(since1970 date: Duration) {
        loop.setVirtualStartDate(date - elapsed)
    }
}

@available(*, unavailable, message: "a clock belongs to its loop's thread")
extension VirtualClock: Sendable {}
