package import AsyncIO
internal import AsyncIOSystem

// # The time limit of a test
//
// Tests run inside one another, because the runner's loop waits while a test has its own loop. A test that never ends
// would therefore block all other tests. A task that ignores its cancellation, or a thread that the loop waits for when
// it is closed, would have the same effect.
//
// For this reason, a test has a limit. A separate thread enforces the limit, because the loop's timers belong to the
// test, which can count them. The limit includes only the time during which the test itself runs. It excludes the time
// during which the test waits for the loop, and the time of other tests that run inside the test. When the limit is
// reached, the test is cancelled. The test must then end within a grace period, and its loop must be closed within a
// second grace period. Otherwise, the remaining tasks are reported and stay suspended forever, and the other tests
// continue.
//
// A test that blocks the thread cannot be left behind. In that case, the process is ended with a message.

/// One test on its own event loop.
package final class TestRun: Sendable {
    /// The outcome of a test.
    package struct Outcome {
        /// The result of the test's body.
        package var result: Result<Void, any Error>
        /// Further issues to record.
        package var complaints: [String]
        /// Whether the test never ended.
        package var isLeftBehind: Bool
        /// Whether tasks that will never continue were left behind.
        package var hasLeftTasks: Bool
    }

    private let name: String
    private let limit: Duration?
    private let grace: Duration
    private let patience: Duration
    private let failsOnReports: Bool
    private let seed: UInt64?
    private let threads: ThreadTime
    private let makeRunner: @Sendable () -> Runner
    private let clock = TestClock()
    private let complaints = Guarded<[String]>([])

    /// - Parameters:
    ///   - limit: The maximum time that the test can run, or nil for no limit.
    ///   - grace: The time within which the test must end after it is cancelled. Closing the loop has the same limit.
    ///   - patience: How long the test can block the loop after the limit before the process is ended.
    ///   - failsOnReports: Whether reports to the exception handler count as issues, unless the test has its own
    ///     handler.
    ///   - seed: The seed that determines the numbers of the system's random number generator, or nil for real random
    ///     numbers.
    ///   - threads: The time of other threads.
    ///   - makeRunner: A closure that creates the runner of the test's loop.
    package init(
        name: String, limit: Duration?, grace: Duration, patience: Duration = .seconds(30),
        failsOnReports: Bool = false, seed: UInt64? = nil, threads: ThreadTime = .real,
        makeRunner: @escaping @Sendable () -> Runner = { Runner() }
    ) {
        self.failsOnReports = failsOnReports
        self.seed = seed
        self.threads = threads
        self.makeRunner = makeRunner
        self.name = name
        // A breakpoint can stop the test for any length of time.
        self.limit = Environment.isDebugged ? nil : limit
        self.grace = grace
        self.patience = patience
    }

    package func run(_ body: @escaping @Sendable @concurrent () async throws -> Void) throws -> Outcome {
        try clock.whileRunning { try EventLoop.outsideOfAnyLoop { try withSeed(seed) { try runOnNewLoop(body) } } }
    }

    private func runOnNewLoop(
        _ body: @escaping @Sendable @concurrent () async throws -> Void
    ) throws -> Outcome {
        let runner = makeRunner()
        let loop = try runner.loop
        return try loop.withThreads(in: threads) { try run(body, on: loop, of: runner) }
    }

    private func run(
        _ body: @escaping @Sendable @concurrent () async throws -> Void, on loop: EventLoop, of runner: Runner
    ) throws -> Outcome {
        if failsOnReports { loop.setExceptionHandler { [unowned loop] in self.note($0, on: loop) } }
        let progress = Progress()
        let isOver = limit.map { limit in
            let cancel = Step(delay: limit) {
                self.complain("the test reached its limit of \(limit) and was cancelled", loop)
                progress.task?.cancel()
            }
            let leave = Step(delay: grace) {
                self.complain("the test did not end after it was cancelled, and was left behind", loop)
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
        loop.checkInvariants()
        let deadlock = loop.hasStalled ? loop.deadlockError : nil
        close(runner, loop)
        return Outcome(
            result: deadlock.map { .failure($0) } ?? result, complaints: complaints.withLock { $0 },
            isLeftBehind: !progress.hasEnded, hasLeftTasks: loop.hasLeftTasks)
    }

    /// Records a report to the exception handler, unless the test has already failed. A failed test leaves tasks
    /// behind, which are reported when its loop is closed.
    private func note(_ report: ExceptionContext, on loop: EventLoop) {
        guard !loop.hasStalled, complaints.withLock({ $0.isEmpty }) else { return loop.defaultExceptionHandler(report) }
        let details = [report.subject, report.location.map { "created at \($0)" }, report.error.map { "\($0)" }]
        complaints.withLock { $0.append(([report.message] + details.compactMap(\.self)).joined(separator: ": ")) }
    }

    /// The progress of the test.
    //
    // SAFETY: this object is used only on the loop's thread, before, during, and after the loop's run.
    private final class Progress: @unchecked Sendable {
        var task: AnyAsyncTask?
        var hasEnded = false
    }

    private func close(_ runner: Runner, _ loop: EventLoop) {
        let before = complaints.withLock { $0.count }
        let step = Step(delay: grace) {
            self.complain("its event loop did not finish, and was left behind", loop)
            loop.stop()
        }
        let isOver = watch(loop, [step])
        defer { isOver.open() }
        do {
            try runner.close()
        } catch {
            complaints.withLock {
                if $0.count == before { $0.append("the event loop of the test could not be closed: \(error)") }
            }
        }
    }

    private func complain(_ text: String, _ loop: EventLoop) {
        let report = loop.deadlockReport
        let lines =
            report.waiting.map { "\n  - \($0)" } + report.cycles.map { "\n  ! they wait for each other: \($0)" }
        complaints.withLock { $0.append("\(text):\(lines.joined())") }
    }

    // MARK: The watching thread

    /// An action that is run on the loop when the test has run for `delay` since the previous step.
    private struct Step: Sendable {
        let delay: Duration
        let action: @Sendable () -> Void
    }

    /// Performs the steps one after another until the returned gate is opened.
    private func watch(_ loop: EventLoop, _ steps: [Step]) -> ThreadGate {
        let isOver = ThreadGate()
        // If no thread can be started, there is no limit.
        try? Thread.start(named: "test-limit") {
            for step in steps {
                guard self.passes(step.delay, until: isOver) else { return }
                let progress = Guarded<(hasBegun: Bool, hasEnded: Bool)>((false, false))
                _ = try? loop.callSoonThreadSafe {
                    // If the loop takes the step, the test does not block the loop. The action itself symbolizes
                    // stacks, which can take a long time on a busy machine.
                    progress.withLock { $0.hasBegun = true }
                    step.action()
                    progress.withLock { $0.hasEnded = true }
                }
                let sentAt = self.clock.elapsed
                while !progress.withLock({ $0.hasEnded }) {
                    guard self.passes(.milliseconds(10), until: isOver) else { return }
                    if !progress.withLock({ $0.hasBegun }), self.clock.elapsed - sentAt > self.patience {
                        self.isBlocked()
                    }
                }
            }
        }
        return isOver
    }

    /// Waits until the test has run for another `duration`.
    ///
    /// - Returns: False if the gate was opened earlier.
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
            the test "\(name)" has reached its limit, and its event loop is blocked by the test's own code, so no other \
            test can run; move blocking code into toThread { }
            """)
    }
}
