public import AsyncIO

/// Runs `body` on the loop of a new `EventLoopThread` in virtual time, and cleans up after it.
///
/// Use this to test code for an `EventLoopThread`. It works in any process: it installs nothing, and the calling task
/// can run on any executor.
///
/// ```swift
/// let total = try await runInVirtualTime { io in
///     try await sleep(.seconds(3_600))
///     return try await Shard(on: io).total()
/// }
/// ```
///
/// When nothing is ready on the loop, its clock jumps to the next timer. If there is no timer either, nothing more can
/// happen, and the call throws a ``DeadlockError``. Everything that does not run on this loop runs in real time: other
/// loops and, in a process with Swift's own executors, `Task.sleep`. The loop does not wait for it.
///
/// - Parameters:
///   - seed: A seed for a random but reproducible order of ready entries, or `nil` for asyncio's order.
///   - body: The main task of the loop.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws; ``DeadlockError``.
@discardableResult
public func runInVirtualTime<T: Sendable>(
    seed: UInt64? = nil, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
) async throws -> T {
    let loop = try EventLoop(threadInVirtualTimeWithSeed: seed)
    let io = EventLoopThread(notStarted: loop)
    let future = io.submit(name: "main", fileID: fileID, line: line, body)
    try io.start()
    let result = await future.result
    let report = io.deadlockReport
    try await io.shutDown(within: nil)
    if let report, case .failure = result { throw DeadlockError(waiting: report.waiting, cycles: report.cycles) }
    return try result.get()
}
