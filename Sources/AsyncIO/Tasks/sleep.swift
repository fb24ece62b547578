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
    let waiter = Waiter(for: "sleep()")
    let timer = loop.schedule(.complete(waiter), at: deadline)
    waiter.subject = timer
    do {
        try await waiter.wait()
    } catch {
        timer.cancel()
        throw error
    }
}
