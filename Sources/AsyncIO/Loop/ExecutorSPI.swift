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
internal import CShims
internal import Synchronization
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) internal import _Concurrency

/// Where the Swift runtime brings its jobs: to the loop of this thread, or to the
/// inbox of the loop that runs elsewhere. Lives as long as the process.
final class LoopExecutor: MainExecutor, TaskExecutor, SchedulingExecutor {
    static let shared = LoopExecutor()

    /// What jobs from other threads need to know.
    private struct Destination {
        var running: Running?
        /// What came while no loop ran; the next one gets it.
        var orphans: [Inbox.Item] = []
        /// Told when a job comes while no loop runs: who can run one, should. See LoopPump.
        var onOrphan: (@Sendable () -> Void)?
    }

    /// What a loop has for other threads while it runs.
    struct Running: Sendable {
        let inbox: Inbox
        let wakeUp: WakeUp
    }

    private let destination = Guarded(Destination())
    /// The address of `destination.running`'s inbox, or 0, for those who take no lock. See Inbox.
    private let inbox = Atomic<UInt>(0)

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
            post(.timer(ForeignTimer(job, target)))
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
        switch Inbox.withInbox(at: inbox.load(ordering: .acquiring), { $0.post(item) }) {
        case .accepted: break
        case .mustWake: destination.withLock { $0.running?.wakeUp }?.signal()
        case .refused, nil: postToWhoeverRuns(item)
        }
    }

    /// The same with the lock, while which no loop begins or ends to run.
    @inline(never)
    private func postToWhoeverRuns(_ item: Inbox.Item) {
        let onOrphan = destination.withLock { destination -> (@Sendable () -> Void)? in
            switch destination.running?.inbox.post(item) {
            case .accepted: return nil
            case .mustWake: return destination.running?.wakeUp.signal
            case .refused, nil: break
            }
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
    func beginRunning(_ loop: EventLoop) -> Running? {
        let running = Running(inbox: loop.inbox, wakeUp: loop.poller.wakeUp)
        let (outer, orphans) = destination.withLock { destination in
            defer { destination.orphans = [] }
            return (replace(&destination, running), destination.orphans)
        }
        for orphan in orphans { loop.receive(orphan) }
        return outer
    }

    func endRunning(returningTo outer: Running?) {
        _ = destination.withLock { replace(&$0, outer) }
    }

    /// The inbox that was the running loop's takes no more jobs, the new one does. Returns the
    /// old one.
    private func replace(_ destination: inout Destination, _ running: Running?) -> Running? {
        let old = destination.running
        old?.inbox.endRunning()
        running?.inbox.beginRunning()
        destination.running = running
        inbox.store(running?.inbox.address ?? 0, ordering: .releasing)
        return old
    }

    /// For jobs that a loop had when it ended: the loop around it takes them, or
    /// the next one to run.
    func adopt(_ item: Inbox.Item) { post(item) }

    func suspendRunning() -> Running? {
        destination.withLock { replace(&$0, nil) }
    }

    func resumeRunning(_ running: Running?) {
        destination.withLock { destination in
            _ = replace(&destination, running)
            guard let running else { return }
            for orphan in destination.orphans { _ = running.inbox.post(orphan) }
            destination.orphans = []
        }
    }

    /// Whether a loop runs somewhere in this process.
    var isRunning: Bool { inbox.load(ordering: .relaxed) != 0 }

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

extension UnownedJob {
    /// The first of the two words that a job has for the executor that it waits for: what
    /// `ExecutorJob.withUnsafeExecutorPrivateData` shows, without its price. Whoever keeps the
    /// job may use it until the job runs.
    //
    // SAFETY: a job is a pointer to the runtime's object, in which the words have had this place
    // since Swift 5.5; InboxTests looks whether they still do.
    @inline(__always)
    var executorWord: UnsafeMutablePointer<UInt> {
        unsafe UnsafeMutablePointer(
            bitPattern: unsafeBitCast(self, to: UInt.self) &+ UInt(ASYNCIO_JOB_EXECUTOR_WORDS)
        ).unsafelyUnwrapped
    }
}

extension EventLoop {
    /// For a test.
    @unsafe package static func executorWord(of job: UnownedJob) -> UnsafeMutablePointer<UInt> {
        unsafe job.executorWord
    }
}
