public import AsyncIO

/// Runs `body` on the loop of a new `EventLoopThread` in virtual time, and cleans up afterward.
///
/// Use this function to test code for an `EventLoopThread`. It works in any process, because it changes no global
/// state, and because the calling task can run on any executor.
///
/// ```swift
/// let total = try await runInVirtualTime { io in
///     try await sleep(.seconds(3_600))
///     return try await Shard(on: io).total()
/// }
/// ```
///
/// When nothing is ready on the loop, its clock jumps to the next timer. If there is also no timer, nothing more can
/// happen, and the call throws a ``DeadlockError``. Code that does not run on this loop, such as the code of other
/// loops, runs in real time.
///
/// - Important: `Task.sleep`, and the `sleep` of the standard library's clocks, leave the loop before they read a clock.
///   If `body` uses these functions, set `threads` to ``ThreadTime/virtual``. Otherwise, they take real time on the
///   loop of the process. If they take longer than `grace`, virtual time continues without them. As a result, a timeout
///   around them fires, or the call throws a ``DeadlockError``. `sleep(_:)` and `sleep(until:)` of AsyncIO always follow
///   virtual time.
///
/// - Parameters:
///   - seed: A seed for a random but reproducible order of ready entries and for the numbers of
///     `SystemRandomNumberGenerator` on the thread of the loop, or `nil` for asyncio's order.
///   - grace: How long the loop waits in real time for an answer from another thread; see
///     ``Testing/Trait/virtualTime(startingAt:grace:failsOnReports:threads:)``.
///   - threads: The time of the threads that run no event loop. With ``ThreadTime/virtual``, the task of `body`, and the
///     tasks that it creates, have the time of the loop on all threads, except tasks that are created with
///     `Task.detached`. If the threads follow another loop, the call first waits until that loop is closed.
///   - body: The main task of the loop.
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`; ``DeadlockError``; `RuntimeError` if `threads` is ``ThreadTime/virtual`` and the
///   calling code runs on the loop that the threads follow.
@discardableResult
public func runInVirtualTime<T: Sendable>(
    seed: UInt64? = nil, grace: Duration = .milliseconds(100), threads: ThreadTime = .real,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
) async throws -> T {
    if threads == .virtual { try await FollowingTurn.takeInTurn(isForLoopThread: true) }
    defer { if threads == .virtual { FollowingTurn.release() } }
    let loop = try EventLoop(threadInVirtualTimeWithSeed: seed)
    loop.setVirtualGrace(grace)
    let following = threads == .virtual ? ProcessThreads(following: loop) : nil
    defer { following?.stopFollowing(loop) }
    let io = EventLoopThread(notStarted: loop)
    let future = io.submit(name: "main", fileID: fileID, line: line) { io in
        // The seed applies for the rest of the thread's life.
        seedRandomNumbers(seed)
        if threads == .real { return try await body(io) }
        return try await io.loop.followedByTask { try await body(io) }
    }
    try io.start()
    let result = await future.result
    let report = io.deadlockReport
    // After a deadlock, tasks that are waiting for other code remain.
    do { try await io.shutDown(within: nil) } catch is TimeoutError where report != nil {}
    if let report, case .failure = result { throw DeadlockError(waiting: report.waiting, cycles: report.cycles) }
    return try result.get()
}
