// The one file that knows the runtime's interface for custom executors, which
// Swift 6.3 has as SPI only. Whatever a later toolchain changes, changes here.
//
// One object is the main executor, the default executor and a scheduling
// executor. Main and default must be the same object: a continuation's resumption
// is enqueued on the default executor before it hops to its actor, so that any
// other default would run our own waits on a foreign thread, and would make hops
// that look harmless into real queue entries. And jobs run with this object as
// their task executor, for the same reason.

internal import AsyncIOSystem
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) internal import _Concurrency

/// Where the Swift runtime brings its jobs: to the loop of this thread, or to the
/// inbox of the loop that runs elsewhere. Lives as long as the process.
final class LoopExecutor: MainExecutor, TaskExecutor, SchedulingExecutor {
    static let shared = LoopExecutor()

    /// What jobs from other threads need to know.
    private struct Destination {
        /// The running loop's.
        var inbox: Inbox?
        /// What came while no loop ran; the next one gets it.
        var orphans: [Inbox.Item] = []
        /// Told when a job comes while no loop runs: who can run one, should. See LoopPump.
        var onOrphan: (@Sendable () -> Void)?
    }

    private let destination = Guarded(Destination())

    // MARK: Installing

    private struct Factory: ExecutorFactory {
        static var mainExecutor: any MainExecutor { LoopExecutor.shared }
        static var defaultExecutor: any TaskExecutor { LoopExecutor.shared }
    }

    private static let installation: Void = _createExecutors(factory: Factory.self)

    /// Makes this object the process's executor, once.
    static func install() { installation }

    // MARK: Jobs

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if AbandonedTasks.contain(job) { return }
        let isHere = EventLoop.withHere { loop in
            if loop.virtualNow != nil { loop.sleepBounds.enqueues(job) }
            loop.ready.append(.job(job))
        }
        if !isHere { post(.job(job)) }
    }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
        guard let delay = delay as? Duration else { Self.unknownClock(clock) }
        schedule(job, .after(delay.roundedUpNanoseconds))
    }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C
    ) {
        if let instant = instant as? ContinuousClock.Instant {
            schedule(job, .at(instant.loopTime))
        } else if let clock = clock as? SuspendingClock, let instant = instant as? SuspendingClock.Instant {
            // Told on the machine's clock, whose present is not read at quite the same time.
            let before = SystemClock.now()
            let distance = clock.now.duration(to: instant)
            let after = SystemClock.now()
            schedule(job, .at(after.advanced(by: distance), orEarlierBy: after - before))
        } else {
            Self.unknownClock(clock)
        }
    }

    private func schedule(_ job: consuming ExecutorJob, _ target: SleepTarget) {
        let job = UnownedJob(job)
        if let loop = EventLoop.here {
            loop.schedule(.job(job), at: target.deadline(on: loop))
        } else {
            post(.timer(job, target))
        }
    }

    private static func unknownClock<C: Clock>(_ clock: C) -> Never {
        fatalError(
            """
            The Swift runtime asked the event loop to sleep on a \(C.self), whose duration is not \
            Swift.Duration. Give the clock a sleep(until:) of its own.
            """)
    }

    private func post(_ item: Inbox.Item) {
        let onOrphan = destination.withLock { destination -> (@Sendable () -> Void)? in
            if let inbox = destination.inbox, inbox.post(item) { return nil }
            destination.orphans.append(item)
            return destination.onOrphan
        }
        onOrphan?()
    }

    func setOnOrphan(_ onOrphan: @escaping @Sendable () -> Void) {
        destination.withLock { $0.onOrphan = onOrphan }
    }

    @inline(__always)
    static func runSynchronously(_ job: UnownedJob) {
        let executor = shared
        unsafe job.runSynchronously(
            isolatedTo: UnownedSerialExecutor(ordinary: executor),
            taskExecutor: UnownedTaskExecutor(ordinary: executor))
    }

    // MARK: Which loop runs

    /// `loop` takes what comes from other threads from now on. Returns who did before.
    func beginRunning(_ loop: EventLoop) -> Inbox? {
        let (outer, orphans) = destination.withLock { destination in
            defer {
                destination.inbox = loop.inbox
                destination.orphans = []
            }
            return (destination.inbox, destination.orphans)
        }
        for orphan in orphans { loop.receive(orphan) }
        return outer
    }

    func endRunning(returningTo outer: Inbox?) {
        destination.withLock { $0.inbox = outer }
    }

    /// For jobs that a loop had when it ended: the loop around it takes them, or
    /// the next one to run.
    func adopt(_ item: Inbox.Item) { post(item) }

    func suspendRunning() -> Inbox? {
        destination.withLock { destination in
            defer { destination.inbox = nil }
            return destination.inbox
        }
    }

    func resumeRunning(_ inbox: Inbox?) {
        destination.withLock { destination in
            destination.inbox = inbox
            guard let inbox else { return }
            for orphan in destination.orphans { inbox.post(orphan) }
            destination.orphans = []
        }
    }

    /// Whether a loop runs somewhere in this process.
    var isRunning: Bool { destination.withLock { $0.inbox != nil } }

    // MARK: Isolation

    /// Nil where no loop runs, so that `checkIsolated` gets to say its sentence.
    func isIsolatingCurrentContext() -> Bool? { EventLoop.here != nil ? true : nil }

    func checkIsolated() {
        guard EventLoop.here == nil else { return }
        fatalError(
            """
            Code that belongs to the main actor was reached on a thread that does not run the event \
            loop. Use loop.callSoonThreadSafe { } or await MainActor.run { } to get there.
            """)
    }

    // MARK: An async main (see the product AsyncIOMain)

    func run() throws {
        let loop = try EventLoop.forAsyncMain()
        do { try loop.runForever() } catch { ProgramEnd.end(with: error, on: loop) }
    }

    func runUntil(_ condition: () -> Bool) throws {
        let loop = try EventLoop()
        let result = Result { try loop.run(until: condition) }
        try loop.close()
        try result.get()
    }

    func stop() { EventLoop.here?.stop() }
}
