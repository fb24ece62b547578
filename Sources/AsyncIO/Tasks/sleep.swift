/// Suspends the current task for `duration`; never shorter. Zero or less gives way
/// to what is ready, for exactly one turn of the loop.
///
/// - Throws: `CancellationError` if the task is cancelled; the timer goes with it.
///
/// asyncio: `asyncio.sleep`.
public nonisolated(nonsending) func sleep(_ duration: Duration) async throws {
    guard duration > .zero else { return try await yieldToLoop() }
    let loop = EventLoop.required(for: "sleep")
    try await sleep(on: loop, deadline: loop.time.advanced(by: duration))
}

/// Suspends the current task until `deadline`, an instant on the clock of
/// ``EventLoop/now``. A deadline that has passed gives way for one turn.
///
/// - Throws: `CancellationError` if the task is cancelled.
public nonisolated(nonsending) func sleep(until deadline: ContinuousClock.Instant) async throws {
    let loop = EventLoop.required(for: "sleep")
    let target = deadline.loopTime
    guard target > loop.time else { return try await yieldToLoop() }
    try await sleep(on: loop, deadline: target)
}

private nonisolated(nonsending) func sleep(on loop: EventLoop, deadline: Int64) async throws {
    try await SleepFuture(on: loop, until: deadline).wait()
}

/// A future that ends when its time has come: the timer and what waits for it in one object,
/// of which a million may be alive.
final class SleepFuture: FutureBase {
    // SAFETY: used only while the future is in this loop's heap, which a loop empties before
    // it goes.
    @safe private unowned(unsafe) let loop: EventLoop

    /// Its age among the loop's timers; 0 when it is not among them.
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

    /// The loop has reached the deadline.
    func fire() {
        if state == .pending { complete(as: .finished) }
    }

    override func cancel(_ message: String? = nil) -> Bool {
        guard super.cancel(message) else { return false }
        if sequence != 0 { loop.timers.noteCancelled() }
        return true
    }

    @inline(__always)
    nonisolated(nonsending) func wait() async throws {
        try await park()
        if state == .cancelled { try throwCancellation() }
    }
}
