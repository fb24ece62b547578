internal import AsyncIO
internal import AsyncIOSystem

// # A test that comes back
//
// Tests run one inside the other: the runner's loop waits while a test has a loop of its own.
// A test that never ended would hold up every other one, and so would a task that swallows its
// cancellation, or a thread that the end of the loop waits for.
//
// So a test has a limit. A thread of its own watches it: the loop's timers are the test's, who
// may count them. The limit counts what the test runs itself, neither its wait for the loop nor
// other tests that run inside of it. When it is over, the test is cancelled. If that does not
// end it within a grace, or if its loop does not come to its end within one, what is left is
// reported and stays suspended for ever, and the other tests go on.
//
// A test that blocks the thread cannot be left behind. It ends the process with a sentence.

/// One test on an event loop of its own.
package final class TestRun: Sendable {
    /// What came of it.
    package struct Outcome {
        /// What the test ended with.
        package var result: Result<Void, any Error>
        /// What is to be recorded beside that.
        package var complaints: [String]
        /// Whether the test never ended.
        package var isLeftBehind: Bool
    }

    private let name: String
    private let limit: Duration?
    private let grace: Duration
    private let patience: Duration
    private let clock = TestClock()
    private let complaints = Guarded<[String]>([])

    /// - Parameters:
    ///   - limit: how long it may run; nil for as long as it likes.
    ///   - grace: how long it has to end when it is cancelled, and its loop to be closed.
    ///   - patience: how long its loop may be blocked then, before the process is ended.
    package init(name: String, limit: Duration?, grace: Duration, patience: Duration = .seconds(30)) {
        self.name = name
        // Who stops at a breakpoint is not in a hurry.
        self.limit = Environment.isDebugged ? nil : limit
        self.grace = grace
        self.patience = patience
    }

    package func run(_ body: @escaping @Sendable @concurrent () async throws -> Void) throws -> Outcome {
        try clock.whileRunning { try EventLoop.outsideOfAnyLoop { try runOnNewLoop(body) } }
    }

    private func runOnNewLoop(
        _ body: @escaping @Sendable @concurrent () async throws -> Void
    ) throws -> Outcome {
        let runner = Runner()
        let loop = try runner.loop
        let progress = Progress()
        let isOver = limit.map { limit in
            let cancel = Step(delay: limit) {
                self.complain("it has run for \(limit), its limit, and was cancelled", loop)
                progress.task?.cancel()
            }
            let leave = Step(delay: grace) {
                self.complain("it did not end when it was cancelled, and was left behind", loop)
                loop.stop()
            }
            return watch(loop, [cancel, leave])
        }
        let result = Result<Void, any Error> {
            try runner.run {
                progress.task = currentTask()
                defer { progress.hasEnded = true }
                try await body()
            }
        }
        isOver?.open()
        close(runner, loop)
        return Outcome(result: result, complaints: complaints.withLock { $0 }, isLeftBehind: !progress.hasEnded)
    }

    /// How far the test has come.
    //
    // SAFETY: used on the loop's thread only, inside and outside of the loop's run.
    private final class Progress: @unchecked Sendable {
        var task: AnyAsyncTask?
        var hasEnded = false
    }

    private func close(_ runner: Runner, _ loop: EventLoop) {
        let before = complaints.withLock { $0.count }
        let step = Step(delay: grace) {
            self.complain("its event loop did not come to its end, and was left behind", loop)
            loop.stop()
        }
        let isOver = watch(loop, [step])
        defer { isOver.open() }
        do {
            try runner.close()
        } catch {
            complaints.withLock {
                if $0.count == before { $0.append("its event loop could not be closed: \(error)") }
            }
        }
    }

    private func complain(_ text: String, _ loop: EventLoop) {
        let report = loop.deadlockReport
        let lines =
            report.waiting.map { "\n  - \($0)" } + report.cycles.map { "\n  ! they wait for each other: \($0)" }
        complaints.withLock { $0.append("\(text):\(lines.joined())") }
    }

    // MARK: The thread

    /// What happens on the loop when the test has run for `delay` since the step before.
    private struct Step: Sendable {
        let delay: Duration
        let action: @Sendable () -> Void
    }

    /// Takes one step after the other, until the gate that this returns is opened.
    private func watch(_ loop: EventLoop, _ steps: [Step]) -> ThreadGate {
        let isOver = ThreadGate()
        // Without a thread there is no limit.
        try? Thread.start(named: "test-limit") {
            for step in steps {
                guard self.passes(step.delay, until: isOver) else { return }
                let isTaken = Guarded(false)
                _ = try? loop.callSoonThreadSafe {
                    // It puts stacks into words, which takes its time.
                    step.action()
                    isTaken.withLock { $0 = true }
                }
                let sentAt = self.clock.elapsed
                while !isTaken.withLock({ $0 }) {
                    guard self.passes(.milliseconds(10), until: isOver) else { return }
                    if self.clock.elapsed - sentAt > self.patience { self.isBlocked() }
                }
            }
        }
        return isOver
    }

    /// Waits until the test has run for `duration` more.
    ///
    /// - Returns: false if the gate was opened first.
    private func passes(_ duration: Duration, until isOver: ThreadGate) -> Bool {
        let end = clock.elapsed + duration
        while true {
            let left = end - clock.elapsed
            if left <= .zero { return true }
            if isOver.wait(timeout: Int64(left / .nanoseconds(1))) { return false }
        }
    }

    private func isBlocked() -> Never {
        fatalError(
            """
            The test "\(name)" has reached its limit, and its event loop does not turn: the test blocks the thread. \
            No other test can run, and the process ends. Hand what blocks to toThread { }.
            """)
    }
}
