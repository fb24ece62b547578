internal import AsyncIO

/// Runs `body` on a new event loop in virtual time, and cleans up afterward, as `run { }` does in real time.
///
/// You can call this function from a test that itself runs on a loop. That loop waits in the meantime. When nothing is
/// ready, the clock jumps to the next timer. If there is also no timer, nothing more can happen, and the call throws a
/// ``DeadlockError``. In that case, the remaining tasks are cancelled. If a task does not end because it is waiting for
/// another library's code, the task stays suspended forever, even if that code resumes it later.
///
/// Use this function in tests with XCTest. For tests with Swift Testing, use ``Testing/Trait/virtualTime``.
///
/// - Parameters:
///   - seed: A seed for a random but reproducible order of ready entries, or `nil` for asyncio's order.
///   - grace: How long the loop waits in real time for an answer from another thread; see
///     ``Testing/Trait/virtualTime(startingAt:grace:failsOnReports:threads:)``.
///   - threads: The time of the threads that run no event loop.
/// - Throws: The errors of `body`; ``DeadlockError``; `RuntimeError` if `threads` is ``ThreadTime/virtual`` and the
///   threads follow a loop of another thread.
@discardableResult
public func runInVirtualTime<T>(
    seed: UInt64? = nil, grace: Duration = .milliseconds(100), threads: ThreadTime = .real,
    _ body: @escaping @MainActor () async throws -> T
) throws -> T {
    let options = VirtualTimeOptions(grace: grace)
    return try runInVirtualTime(options.makeRunner(seed: seed), seed: seed, threads: threads, body)
}

func runInVirtualTime<T>(
    _ runner: @autoclosure () -> Runner, seed: UInt64?, threads: ThreadTime = .real,
    _ body: @escaping @MainActor () async throws -> T
) throws -> T {
    try EventLoop.checkCanRunMainActorHere()
    return try EventLoop.outsideOfAnyLoop {
        let runner = runner()
        let loop = try runner.loop
        return try loop.withThreads(in: threads) {
            let result = Result<T, any Error> {
                do {
                    return try withSeed(seed) { try runner.run(body) }
                } catch is RuntimeError where loop.hasStalled {
                    throw loop.deadlockError
                }
            }
            loop.checkInvariants()
            try runner.close()
            return try result.get()
        }
    }
}

extension EventLoop {
    var deadlockError: DeadlockError {
        let report = deadlockReport
        return DeadlockError(
            waiting: report.waiting, cycles: report.cycles, isClockStopped: isSteppedByHand, limit: reachedLimit)
    }
}

/// An error thrown when nothing more can happen, but some tasks have not ended.
public struct DeadlockError: Error, CustomStringConvertible {
    /// One line for each task: its name, what it is waiting for, where it is waiting, and where it was created.
    public let waiting: [String]
    /// One line for each cycle of tasks that are waiting for each other.
    public let cycles: [String]
    /// Whether the test steps the clock manually, so that timers can remain.
    let isClockStopped: Bool
    /// The virtual time limit, if the run ended because this limit was reached.
    let limit: Duration?

    init(waiting: [String], cycles: [String], isClockStopped: Bool = false, limit: Duration? = nil) {
        self.waiting = waiting
        self.cycles = cycles
        self.isClockStopped = isClockStopped
        self.limit = limit
    }

    private var reason: String {
        if let limit, !isClockStopped { return "the limit of \(limit) of virtual time was reached" }
        return
            "deadlock: nothing is ready and \(isClockStopped ? "the clock is only stepped manually" : "no timer is set")"
    }

    /// The error as text: the reason, and what each task is waiting for.
    public var description: String {
        "\(reason), but \(waiting.count) "
            + (waiting.count == 1 ? "task has" : "tasks have") + " not ended:\n"
            + waiting.map { "  - \($0)" }.joined(separator: "\n")
            + cycles.map { "\n  ! they wait for each other: \($0)" }.joined()
    }
}
