internal import AsyncIO

/// Runs `body` on a new event loop in virtual time and cleans up after it, as `run { }`
/// does in real time.
///
/// May be called from a test that runs on a loop itself: the loop around it waits
/// meanwhile. When nothing is ready, the clock jumps to the next timer; when there is none
/// either, nothing can ever happen again, and the call ends with a report. A task that then
/// does not end when it is cancelled, since it waits for other code than this library's, stays
/// suspended for ever, also if what it waits for comes later.
///
/// - Parameter seed: for a random, reproducible order of what is ready; nil for asyncio's.
/// - Throws: what `body` throws; ``DeadlockError``.
@discardableResult
public func runInVirtualTime<T>(
    seed: UInt64? = nil, _ body: @escaping @MainActor () async throws -> T
) throws -> T {
    var hasAbandoned = false
    return try runInVirtualTime(seed: seed, hasAbandoned: &hasAbandoned, body)
}

/// - Parameter hasAbandoned: set if tasks were left behind that will never go on.
func runInVirtualTime<T>(
    seed: UInt64?, hasAbandoned: inout Bool, _ body: @escaping @MainActor () async throws -> T
) throws -> T {
    try EventLoop.outsideOfAnyLoop {
        let runner = Runner(virtualTimeWithSeed: seed)
        let loop = try runner.loop
        var deadlock: DeadlockError?
        let result = Result<T, any Error> {
            do {
                return try runner.run(body)
            } catch let error as RuntimeError where loop.hasStalled {
                deadlock = loop.deadlockError
                throw deadlock ?? error
            }
        }
        defer { if loop.hasLeftTasks { hasAbandoned = true } }
        try runner.close()
        return try result.get()
    }
}

extension EventLoop {
    fileprivate var deadlockError: DeadlockError {
        let report = deadlockReport
        return DeadlockError(waiting: report.waiting, cycles: report.cycles)
    }
}

/// Nothing can happen any more, but some tasks have not ended.
public struct DeadlockError: Error, CustomStringConvertible {
    /// A line for each task: its name, what it waits for, where, and where it was made.
    public let waiting: [String]
    /// A line for each circle of tasks that wait for each other.
    public let cycles: [String]

    init(waiting: [String], cycles: [String]) {
        self.waiting = waiting
        self.cycles = cycles
    }

    public var description: String {
        "deadlock: nothing is ready and no timer is set, but \(waiting.count) "
            + (waiting.count == 1 ? "task has" : "tasks have") + " not ended:\n"
            + waiting.map { "  - \($0)" }.joined(separator: "\n")
            + cycles.map { "\n  ! they wait for each other: \($0)" }.joined()
    }
}
