package import AsyncIOSystem
internal import CShims
internal import Synchronization
internal import SystemPackage

/// The event loop: one thread, one queue, asyncio's order.
///
/// A program has one at a time. `run { }` makes it, runs a main task on it, and
/// takes it away; everything else finds it through `EventLoop.current`. The loop
/// is the executor of the main actor and of every task without an executor of
/// its own, so that plain Swift code (`Task { }`, actors, `async let`,
/// `Task.sleep`) runs on it too.
///
/// Only `callSoonThreadSafe` and `submit` may be called from other threads;
/// everything else stops the program with a sentence when it is.
///
/// asyncio: `asyncio.EventLoop`.
//
// SAFETY: the loop is Sendable so that other threads may hold it and call the two
// methods above, which touch nothing but `inbox`. Every other stored property
// belongs to the loop's thread, and every entry point checks that it is there
// (`EventLoop.required`, `assertOnThread`) before it touches one.
public final class EventLoop: @unchecked Sendable {
    // MARK: What is to run (loop thread only)

    /// Runnable entries, first in, first out. asyncio's `_ready`.
    @safe @exclusivity(unchecked) var ready = ReadyQueue()
    /// What is to run later. asyncio's `_scheduled`.
    @safe @exclusivity(unchecked) var timers = TimerHeap()
    /// Jobs to be run right after the present one, without a place in the queue: the
    /// hand-overs that asyncio does inside one step. Mostly empty, and seldom more than
    /// one. See `Seat`.
    @safe @exclusivity(unchecked) var runNext: [UnownedJob] = []

    // MARK: What is running (loop thread only)

    /// What keeps the task that is about to suspend. Set just before it hops to the parking
    /// place, consumed when its job arrives there.
    @safe @exclusivity(unchecked) var parking = Parking.nothing
    /// Which logical task the running Swift task carries.
    @safe @exclusivity(unchecked) var carriers = CarrierTable()
    /// Every task that has not ended, oldest first.
    @safe @exclusivity(unchecked) var tasks = TaskList()

    // MARK: Input, output, time (loop thread only)

    let poller: any Poller
    /// What the loop waits with: never ``Backend/automatic``.
    ///
    /// asyncio: which selector the loop has.
    public let backend: Backend
    @safe @exclusivity(unchecked) var descriptors = DescriptorTable()
    /// The present of a loop in virtual time; nil if time is real.
    @safe @exclusivity(unchecked) var virtualNow: Int64?
    /// How far virtual time may go; nil for any distance.
    @safe @exclusivity(unchecked) var virtualLimit: Int64?
    /// What is known of the length of foreign sleeps, if time is virtual.
    @safe @exclusivity(unchecked) var sleepBounds = SleepBounds()
    /// Picks which ready entry runs next, if the schedule is a seeded one.
    @safe @exclusivity(unchecked) var schedule: RandomSchedule?
    /// Work handed to other threads that will report back through the inbox: a
    /// loop in virtual time waits for it before it lets time jump.
    @safe @exclusivity(unchecked) var outstandingForeignWork = 0
    /// Name lookups that somebody waits for: the same, but the end of the loop does not
    /// wait for them.
    @safe @exclusivity(unchecked) var lookups = 0
    /// Who waits for the work to end.
    @safe @exclusivity(unchecked) var foreignWorkWaiters: [Waiter] = []
    /// Whether threads take no more work.
    @safe @exclusivity(unchecked) var isExecutorShutDown = false
    /// Generators that have begun and not ended; see shutdownAsyncGenerators.
    @safe @exclusivity(unchecked) var generators = GeneratorList()
    /// Who reads and writes files for this loop; made at first use.
    @safe @exclusivity(unchecked) var files: FileEngine?
    /// What the present step may still read and write; see IOBudget.swift.
    @safe @exclusivity(unchecked) var budget = IOBudget()
    /// Memory that every connection receives into, so that an idle one holds none.
    let receiveBuffer = ReceiveBuffer()

    // MARK: State (loop thread only)

    /// Whether other threads are likely to have something soon.
    @safe @exclusivity(unchecked) private var senders = Senders()
    @safe @exclusivity(unchecked) var state = State.idle
    @safe @exclusivity(unchecked) var isStopping = false
    /// Somebody else's run loop runs this one, and does the sleeping; see LoopPump.
    @safe @exclusivity(unchecked) var isPumped = false
    /// Set by a loop in virtual time that found nothing left that could happen.
    @safe @exclusivity(unchecked) var isStalled = false
    /// Whether tasks that it leaves behind never go on; see AbandonedTasks.swift.
    @safe @exclusivity(unchecked) var abandonsTasks = false
    /// How many tasks had not ended when it was closed.
    @safe @exclusivity(unchecked) var leftTasks = 0
    /// A ``KeyboardInterrupt`` that a callback or a task ended with, or the poller's failure:
    /// it ends the run at once, and what is queued stays queued.
    @safe @exclusivity(unchecked) var escaping: (any Error)?
    /// What is known of the poller's failures.
    @safe @exclusivity(unchecked) var pollFailures = PollFailures()
    /// Turns made so far.
    @safe @exclusivity(unchecked) package internal(set) var turns: UInt64 = 0
    /// What is known of the steps, while somebody wants them timed.
    @safe @exclusivity(unchecked) var stepTimes = StepTimes()
    /// How late timers were.
    @safe @exclusivity(unchecked) var lag = Lag()
    #if Metrics
        @safe @exclusivity(unchecked) var metricsReport: MetricsReport?
        @safe @exclusivity(unchecked) var turnTimes = TurnTimes()
    #endif
    /// What goes through its sockets.
    @safe @exclusivity(unchecked) var traffic = Traffic()
    /// Ends the timing of steps for a tool that asked; see allowInspection.swift.
    @safe @exclusivity(unchecked) var inspectionTimer: TimerHandle?
    /// See ``blockedThreshold``.
    var storedThreshold = Environment.blockedThreshold
    @safe @exclusivity(unchecked) var exceptionHandler: ((ExceptionContext) throws -> Void)?
    /// The processes that this loop has started and that run, by number.
    @safe @exclusivity(unchecked) var children: [Int32: ChildProcess] = [:]
    /// Who is to know of which signal; see SignalTable.
    @safe @exclusivity(unchecked) var signals = SignalTable()
    /// Dispatch's main queue, if this loop runs where that is to be served.
    @safe @exclusivity(unchecked) var mainQueue = MainQueueService()
    /// The program's `async` main, if this loop runs one.
    @safe @exclusivity(unchecked) var asyncMain: AsyncMain?

    /// Whether mistakes are looked for that cost time to find. Also set by the
    /// environment variable `ASYNCIO_DEBUG`.
    ///
    /// asyncio: `loop.get_debug`, `loop.set_debug`.
    @safe @exclusivity(unchecked) public var debug: Bool { didSet { timeSteps(debug, for: .debug) } }

    /// In debug mode: a step or callback that takes this long is reported.
    ///
    /// asyncio: `loop.slow_callback_duration`.
    public var slowCallbackDuration: Duration = .milliseconds(100)

    enum State { case idle, running, closed }

    // MARK: Any thread

    /// What other threads leave for this loop.
    let inbox: Inbox
    /// What this loop tells who watches it.
    package let pulse = Pulse()
    /// What the watchdog found, and the handler to notify.
    let blockage = Guarded(Blockage())
    private let storedName = Guarded("EventLoop-\(numbers.add(1, ordering: .relaxed).newValue)")
    private static let numbers = Atomic(0)

    /// What the loop is called in messages and metrics: `EventLoop-N`, unless it is given
    /// another name.
    public var name: String {
        get { storedName.withLock { $0 } }
        set { storedName.withLock { $0 = newValue } }
    }

    // MARK: Making one

    /// A loop that does not run yet.
    ///
    /// Most programs never make one: `run { }` and `Runner` do.
    ///
    /// - Parameters:
    ///   - debug: whether the loop looks for mistakes; nil for the default.
    ///   - backend: what it waits with.
    /// - Throws: ``OSError`` if the system does not grant what the loop waits with.
    ///
    /// asyncio: `SelectorEventLoop(selector)`.
    public convenience init(debug: Bool? = nil, backend: Backend = .automatic) throws(OSError) {
        try self.init(debug: debug, backend: backend, time: .real)
    }

    /// What moves a loop's clock.
    package enum Time {
        /// The machine.
        case real
        /// The loop: it jumps to the next timer when nothing else can happen.
        case virtual
    }

    package init(debug: Bool?, backend: Backend = .automatic, time: Time) throws(OSError) {
        LoopExecutor.install()
        (poller, self.backend) = try backend.makePoller()
        inbox = Inbox.make()
        self.debug = debug ?? Environment.debug
        if case .virtual = time { virtualNow = 0 }
        timeSteps(self.debug, for: .debug)
    }

    deinit {
        if state != .closed {
            Self.warn("unclosed event loop", of: self)
            forgetEverything()
        }
        inbox.retire()
    }

    // MARK: One turn

    /// One iteration of the loop; asyncio's `_run_once`.
    ///
    /// Everything that is in the queue when the run phase begins runs now; what
    /// that schedules runs in the next turn, after another look at the world.
    func turn() {
        turns &+= 1
        receiveFromOtherThreads()
        pollForEvents()
        #if Metrics
            let start = turnTimes.isWanted ? SystemClock.now() : 0
        #endif
        noticeSignals()
        queueDueTimers()
        #if Metrics
            let entries = ready.count
            defer { if start != 0 { turnTimes.note(SystemClock.now() - start, entries: entries) } }
        #endif
        runReady()
    }

    /// Callbacks and wake-ups from other threads, in the order they came.
    func receiveFromOtherThreads() {
        guard inbox.hasNews else { return }
        inbox.take(receive)
    }

    /// Waits for descriptors, no longer than the nearest timer; not at all if
    /// there is something to do already, and without a system call if there are
    /// no descriptors that could have news.
    private func pollForEvents() {
        var timeout = idleTime()
        if let failure = pollFailures.final { return doWithoutPolling(timeout, failure) }
        if timeout != 0, !fallAsleep() {
            // Another thread was quicker. Descriptors get their look all the same.
            receiveFromOtherThreads()
            timeout = 0
        }
        let needsNoEvents = timeout == 0 && descriptors.isEmpty
        if needsNoEvents {
            if !isMainQueueDue { return }
            mainQueue.look = pulse.now
        }
        do {
            let count = try poll(timeout)
            if timeout != 0 { wakeUp() }
            receiveFromOtherThreads()
            // Held once for all events, since an event changes neither.
            let (poller, descriptors) = (poller, descriptors)
            for index in 0..<count {
                if count >= Self.leastFetchedAhead { descriptors.fetchAhead(ofEvent: index, of: count, from: poller) }
                descriptorIsReady(poller.event(at: index), among: descriptors)
            }
        } catch {
            if timeout != 0 { wakeUp() }
            // A poll for Dispatch's main queue alone does not end the run.
            if !needsNoEvents { pollFailed(error) }
            receiveFromOtherThreads()
        }
    }

    /// The watchdog knows when the loop is in here: it is not blocked then.
    private func poll(_ timeout: Int64?) throws(Errno) -> Int {
        pulse.enterPoller()
        defer { pulse.leavePoller() }
        return try poller.wait(timeout: timeout)
    }

    /// False if there is something in the inbox: then the loop may not sleep.
    @inline(__always)
    private func fallAsleep() -> Bool {
        if senders.areExpected, senders.come(to: inbox) { return false }
        return inbox.beginSleep()
    }

    @inline(__always)
    private func wakeUp() { senders.areExpected = inbox.endSleep() }

    /// How long the loop may sleep: 0 not at all, nil until something happens.
    private func idleTime() -> Int64? {
        if !ready.isEmpty || isStopping || isPumped { return 0 }
        guard let deadline = timers.first else {
            if virtualNow != nil { return stall() }
            return nil
        }
        guard let now = virtualNow else { return max(0, deadline - SystemClock.now()) }
        // Others may still have something for the present.
        if isForeignWorkExpected { return nil }
        if let virtualLimit, deadline > virtualLimit { return stall() }
        if !descriptors.isEmpty || mainQueueHasNews() { return 0 }
        virtualNow = max(now, deadline)
        return 0
    }

    /// Timers whose time has come, by deadline and then by age.
    private func queueDueTimers() {
        guard let first = timers.first else { return }
        var now = time
        if let virtual = virtualNow, ready.isEmpty, !isStopping, !isForeignWorkExpected, first > virtual {
            // Descriptors had their say and had none.
            virtualNow = first
            now = first
        }
        if virtualNow == nil, now >= first { lag.note(now - first) }
        while timers.popFirst(
            dueAt: now,
            {
                switch $0 {
                case .handle(let handle): ready.append(.handle(handle.object))
                case .sleep(let sleep): ready.append(.sleep(sleep.object))
                }
            })
        {}
    }

    /// Runs what is in the queue now, and not what is added meanwhile.
    private func runReady() {
        var count = ready.count
        let fetchesAhead = count >= Self.leastFetchedAhead
        while count > 0, escaping == nil {
            count -= 1
            guard let entry = virtualNow == nil ? ready.popFirst() : popInVirtualTime(among: count + 1) else { return }
            if fetchesAhead { fetchAheadOfEntry(among: count) }
            run(entry)
            runHandOvers()
        }
    }

    @inline(__always)
    func runHandOvers() {
        while !runNext.isEmpty { run(runNext.removeFirst()) }
    }

    // MARK: Running an entry

    @inline(__always)
    private func run(_ entry: ReadyEntry) {
        if pulse.step(entry.task?.bits ?? 0) != 0 { return runWatched(entry) }
        runUnwatched(entry)
    }

    @inline(__always)
    func runUnwatched(_ entry: ReadyEntry) {
        switch entry {
        case .wake(let job, let task):
            if let task { carriers.wakes(task) }
            run(job)
        case .job(let job): run(job)
        case .handle(let handle): handle.run(on: self)
        case .threadSafe(let handle): handle.run(on: self)
        case .descriptor(let callback): if !callback.isRemoved { call(callback.body) }
        case .sleep(let sleep): sleep.fire()
        case .done(let future, let callback): callback.run(future, on: self)
        }
    }

    @inline(__always)
    private func run(_ job: UnownedJob) {
        LoopExecutor.runSynchronously(job)
    }

    // MARK: Virtual time

    /// Nothing is ready and no timer is set. Descriptors and other threads may
    /// still bring something; if there are none, nothing can happen any more.
    private func stall() -> Int64? {
        if isForeignWorkExpected || !descriptors.isEmpty { return nil }
        if inbox.hasNews || mainQueueHasNews() { return 0 }
        isStalled = true
        isStopping = true
        return 0
    }

    private var isForeignWorkExpected: Bool { outstandingForeignWork > 0 || lookups > 0 }

    /// Nanoseconds on the loop's clock.
    var time: Int64 { virtualNow ?? SystemClock.now() }
}
