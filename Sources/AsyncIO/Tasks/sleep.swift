/// Suspends the current task for at least `duration`.
///
/// If the duration is zero or negative, the task yields to all ready tasks and callbacks for exactly one turn of the
/// loop.
///
/// - Throws: `CancellationError` if the task is cancelled. In that case, the timer is removed.
/// - Complexity: O(log *n*), where *n* is the number of active timers.
///
/// asyncio: `asyncio.sleep`.
public func sleep(_ duration: Duration) async throws {
    guard duration > .zero else { return try await yieldToLoop() }
    let loop = EventLoop.required(for: "sleep")
    try await sleep(on: loop, deadline: loop.time.advanced(by: duration))
}

/// Suspends the current task until `deadline`.
///
/// If the deadline has passed, the task yields for one turn of the loop.
///
/// - Parameter deadline: An instant on the loop's clock; see ``EventLoop/now``.
/// - Throws: `CancellationError` if the task is cancelled. In that case, the timer is removed.
/// - Complexity: O(log *n*), where *n* is the number of active timers.
///
/// asyncio: none.
public func sleep(until deadline: ContinuousClock.Instant) async throws {
    try await sleep(untilLoopTime: deadline.loopTime)
}

/// Suspends the current task until `deadline`, which is a time in nanoseconds on the loop's clock.
func sleep(untilLoopTime deadline: Int64) async throws {
    let loop = EventLoop.required(for: "sleep")
    guard deadline > loop.time else { return try await yieldToLoop() }
    try await sleep(on: loop, deadline: deadline)
}

private func sleep(on loop: EventLoop, deadline: Int64) async throws {
    try await SleepFuture(on: loop, until: deadline).wait()
}

/// A future that ends at its deadline. One object is both the timer and the awaited future, to save memory in programs
/// that have many sleeping tasks.
final class SleepFuture: FutureBase {
    // SAFETY: this property is used only while the future is in the loop's heap. The loop empties the heap before the
    // loop is released.
    @safe private unowned(unsafe) let loop: EventLoop

    /// The age of the future relative to the other timers of the loop, or 0 if the future is not in the loop's timer
    /// heap.
    var sequence: UInt32 {
        get { tag }
        set { tag = newValue }
    }

    init(on loop: EventLoop, until deadline: Int64) {
        self.loop = loop
        super.init()
        loop.timers.insert(self, at: deadline)
    }

    override var waitDescription: String { "sleep()" }

    /// Called when the loop has reached the deadline.
    func fire() {
        if state == .pending { complete(as: .finished) }
    }

    override func cancel(_ message: String? = nil) -> Bool {
        guard super.cancel(message) else { return false }
        if sequence != 0 { loop.timers.noteCancelled() }
        return true
    }

    @inline(__always)
    func wait() async throws {
        try await park()
        if state == .cancelled { try throwCancellation() }
    }
}
