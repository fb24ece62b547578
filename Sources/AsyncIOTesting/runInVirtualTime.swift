internal import AsyncIO

/// Runs `body` on a new event loop in virtual time and cleans up after it, as `run { }`
/// does in real time.
///
/// May be called from a test that runs on a loop itself: the loop around it waits
/// meanwhile. When nothing is ready, the clock jumps to the next timer; when there is none
/// either, nothing can ever happen again, and the call ends with a report.
///
/// - Parameter seed: for a random, reproducible order of what is ready; nil for asyncio's.
/// - Throws: what `body` throws; ``DeadlockError``.
@discardableResult
public func runInVirtualTime<T>(
    seed: UInt64? = nil, _ body: @escaping @MainActor () async throws -> T
) throws -> T {
    try EventLoop.outsideOfAnyLoop {
        let runner = Runner(virtualTimeWithSeed: seed)
        let loop = try runner.loop
        var deadlock: DeadlockError?
        let result = Result<T, any Error> {
            do {
                return try runner.run(body)
            } catch let error as RuntimeError where loop.hasStalled {
                deadlock = DeadlockError(tasks: loop.unfinishedTasks)
                throw deadlock ?? error
            }
        }
        try runner.close()
        return try result.get()
    }
}

/// Nothing can happen any more, but some tasks have not ended.
public struct DeadlockError: Error, CustomStringConvertible {
    /// A line for each task: its name, what it waits for, and where it was made.
    public let waiting: [String]

    init(tasks: [AnyAsyncTask]) {
        waiting = tasks.map(\.waitReport)
    }

    public var description: String {
        "deadlock: nothing is ready and no timer is set, but \(waiting.count) "
            + (waiting.count == 1 ? "task has" : "tasks have") + " not ended:\n"
            + waiting.map { "  - \($0)" }.joined(separator: "\n")
    }
}
