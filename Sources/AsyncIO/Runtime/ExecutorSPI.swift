// This is the only file that uses the runtime's interface for custom executors, which is SPI in Swift 6.3. Changes in
// later toolchains affect only this file.
//
// One object is the main executor, the default executor, and a scheduling executor. The main executor and the default
// executor must be the same object, because the resumption of a continuation is enqueued on the default executor before
// it hops to its actor. Any other default executor would run this library's waits on a foreign thread, and would turn
// hops that look harmless into real queue entries. For the same reason, jobs run with this object as their task
// executor.

internal import AsyncIOSystem
internal import CShims
internal import Synchronization
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) internal import _Concurrency

/// An executor that receives the jobs of the Swift runtime. It passes the jobs to the loop of this thread, or to the
/// inbox of the loop that is running on another thread. This object exists for as long as the process runs.
final class LoopExecutor: MainExecutor, TaskExecutor, SchedulingExecutor {
    static let shared = LoopExecutor()

    /// The destination of jobs from other threads.
    private struct Destination {
        var running: Running?
        /// The items that arrived while no loop was running. The next loop receives them.
        var orphans: [Inbox.Item] = []
        /// A closure that is called when a job arrives while no loop is running, so that a host can run a loop. See
        /// `LoopPump`.
        var onOrphan: (@Sendable () -> Void)?
    }

    /// The parts of a running loop that other threads use.
    struct Running: Sendable {
        let inbox: Inbox
        let wakeUp: WakeUp
    }

    private let destination = Guarded(Destination())
    /// The address of the inbox of `destination.running`, or 0. It can be read without a lock. See `Inbox`.
    private let inbox = Atomic<UInt>(0)

    // MARK: Installing

    private struct Factory: ExecutorFactory {
        static var mainExecutor: any MainExecutor { LoopExecutor.shared }
        static var defaultExecutor: any TaskExecutor { LoopExecutor.shared }
    }

    private static let installation: Void = _createExecutors(factory: Factory.self)

    /// Makes this object the executor of the process. Further calls have no effect.
    static func install() { installation }

    // MARK: Jobs

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if AbandonedTasks.contain(job) { return }
        var isHere = false
        _ = EventLoop.withHere { loop in
            // The loop of a simulation is on this thread if one of its guests is.
            guard let receiver = loop.home == nil ? loop : loop.guest?.outer else { return }
            isHere = true
            receiver.ready.append(.job(job))
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
            // The two clocks differ by the time for which the machine was suspended.
            schedule(job, .after(clock.now.duration(to: instant).roundedUpNanoseconds))
        } else {
            Self.unknownClock(clock)
        }
    }

    private func schedule(_ job: consuming ExecutorJob, _ target: SleepTarget) {
        let job = UnownedJob(job)
        if let loop = EventLoop.followedByTask, loop.send(.timer(ForeignTimer(job, target))) { return }
        if let loop = EventLoop.here, loop.home == nil {
            loop.schedule(.job(job), at: target.deadline(on: loop))
        } else {
            post(.timer(ForeignTimer(job, target)))
        }
    }

    private static func unknownClock<C: Clock>(_ clock: C) -> Never {
        fatalError(
            """
            cannot sleep on the clock \(C.self), because its duration is not Swift.Duration; \
            implement sleep(until:tolerance:) in the clock
            """)
    }

    private func post(_ item: Inbox.Item) {
        switch Inbox.withInbox(at: inbox.load(ordering: .acquiring), { $0.post(item) }) {
        case .accepted: break
        case .mustWake: destination.withLock { $0.running?.wakeUp }?.signal()
        case .refused, nil: postToWhoeverRuns(item)
        }
    }

    /// Posts an item under the lock, so that no loop can start or stop running in the meantime.
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

    // MARK: The running loop

    /// Makes `loop` the receiver of the items from other threads. Returns the previous receiver.
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

    /// Makes the new inbox accept jobs instead of the old inbox. Returns the previous receiver.
    private func replace(_ destination: inout Destination, _ running: Running?) -> Running? {
        let old = destination.running
        old?.inbox.endRunning()
        running?.inbox.beginRunning()
        destination.running = running
        inbox.store(running?.inbox.address ?? 0, ordering: .releasing)
        return old
    }

    /// Accepts a job that was left over when a loop was closed. The enclosing loop or the next loop runs the job.
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

    /// Whether a loop is running in this process.
    var isRunning: Bool { inbox.load(ordering: .relaxed) != 0 }

    // MARK: Isolation

    private var isHere: Bool { EventLoop.here.map { $0.home == nil } ?? false }

    /// Returns nil on threads that are not running the loop of the process, so that `checkIsolated` can print its
    /// message.
    func isIsolatingCurrentContext() -> Bool? { isHere ? true : nil }

    func checkIsolated() {
        guard !isHere else { return }
        fatalError(
            """
            main-actor code was called on a thread that does not run the event loop of the main actor; use \
            loop.callSoonThreadSafe { } or await MainActor.run { }
            """)
    }

    // MARK: An async main (see the product AsyncIOMain)

    func run() throws {
        guard let run = unsafe EventLoop.runAsyncMain else {
            fatalError("an async main runs on the event loop, but no loop was ever created")
        }
        try run()
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
    /// The first of the two words in a job that are reserved for the job's executor.
    /// `ExecutorJob.withUnsafeExecutorPrivateData` provides the same word, but at a higher cost. The owner of the job
    /// can use the word until the job runs.
    //
    // SAFETY: a job is a pointer to the runtime's object, in which the words have had this offset since Swift 5.5.
    // InboxTests checks this offset.
    @inline(__always)
    var executorWord: UnsafeMutablePointer<UInt> {
        unsafe UnsafeMutablePointer(
            bitPattern: unsafeBitCast(self, to: UInt.self) &+ UInt(ASYNCIO_JOB_EXECUTOR_WORDS)
        ).unsafelyUnwrapped
    }
}

extension EventLoop {
    /// The executor's word in a job, for tests.
    @unsafe package static func executorWord(of job: UnownedJob) -> UnsafeMutablePointer<UInt> {
        unsafe job.executorWord
    }
}
