package import AsyncIOSystem
internal import Synchronization
internal import SystemPackage

/// An event loop, which runs tasks and callbacks on one thread, in the same order as asyncio.
///
/// `run { }` creates the loop of the process, runs a main task on this loop, and closes the loop. All other code
/// accesses the loop through ``current``. The loop of the process is the executor of the main actor and of every task
/// without its own executor, so plain Swift code (`Task { }`, actors, `async let`, `Task.sleep`) also runs on this
/// loop. Additional loops run on their own threads. If this library does not run the main actor of a program, all loops
/// of the program run on their own threads; see ``EventLoopThread``.
///
/// Other threads can call only ``callSoonThreadSafe(_:)`` and `submit`. A call to any other method from another thread
/// stops the program with a message that explains the mistake.
///
/// asyncio: `asyncio.EventLoop`.
//
// SAFETY: the loop is Sendable so that other threads can retain it and call the two methods above, which access only
// `inbox`. Every other stored property belongs to the loop's thread, and every entry point checks the thread
// (`EventLoop.required`, `assertUsable`) before it accesses one.
public final class EventLoop: @unchecked Sendable {
    // MARK: Runnable entries (loop thread only)

    /// The runnable entries, first in, first out, like asyncio's `_ready`.
    @safe @exclusivity(unchecked) var ready = ReadyQueue()
    /// The timers, like asyncio's `_scheduled`.
    @safe @exclusivity(unchecked) var timers = TimerHeap()
    /// The jobs to run immediately after the current job, without an entry in the queue. They correspond to handovers
    /// that asyncio does within one step. The array is usually empty, and rarely contains more than one job. See
    /// `Seat`.
    @safe @exclusivity(unchecked) var runNext: [UnownedJob] = []

    // MARK: Running tasks (loop thread only)

    /// The place where the job of a suspending task will be stored. The task sets this property just before it hops to
    /// the parking place, and the loop uses the property when the task's job arrives there.
    @safe @exclusivity(unchecked) var parking = Parking.nothing
    /// The `AsyncTask` objects that Swift tasks carry.
    @safe @exclusivity(unchecked) var carriers = CarrierTable()
    /// Every task that has not ended, oldest first.
    @safe @exclusivity(unchecked) var tasks = TaskList()

    // MARK: Input, output, time (loop thread only)

    let poller: any Poller
    /// The backend that the loop uses. The value is never ``EventLoop/Backend/automatic``.
    ///
    /// asyncio: the selector of the loop.
    public let backend: EventLoop.Backend
    @safe @exclusivity(unchecked) var descriptors = DescriptorTable()
    /// The current time of a loop in virtual time, or nil in real time.
    @safe @exclusivity(unchecked) var virtualNow: Int64?
    /// The remaining state of a loop in virtual time; see VirtualTime.swift.
    @safe @exclusivity(unchecked) var virtual = VirtualTime()
    /// The queue of the tasks that are suspended in `settled()`.
    @safe @exclusivity(unchecked) var settlers: WaitQueue?
    /// The latest turn in which the loop polled because it was idle; see `mustPollFirst`.
    @safe @exclusivity(unchecked) var idlePollTurn: UInt64 = 0
    /// The generator that picks the next ready entry in a seeded schedule, or nil without a seed.
    @safe @exclusivity(unchecked) var schedule: SeededGenerator?
    /// The amount of data that the current step can still read and write; see IOBudget.swift.
    @safe @exclusivity(unchecked) var budget = IOBudget()

    // MARK: State (loop thread only)

    @safe @exclusivity(unchecked) var state = State.idle
    @safe @exclusivity(unchecked) var isStopping = false
    /// Whether something else runs this loop and sleeps on its behalf; see `LoopPump` and `GuestLoop`.
    @safe @exclusivity(unchecked) var isPumped = false
    /// Whether the loop runs in virtual time and nothing can happen anymore.
    @safe @exclusivity(unchecked) var isStalled = false
    /// Whether the unfinished tasks of a closed loop never continue; see AbandonedTasks.swift.
    @safe @exclusivity(unchecked) var abandonsTasks = false
    /// The number of tasks that had not ended when the loop was closed.
    @safe @exclusivity(unchecked) var leftTasks = 0
    /// The error that ends the run at once: a ``KeyboardInterrupt`` that ended a callback or a task, or an error of the
    /// poller. Queued entries stay queued.
    @safe @exclusivity(unchecked) var escaping: (any Error)?
    /// The recent failures of the poller.
    @safe @exclusivity(unchecked) var pollFailures = PollFailures()
    /// The number of turns so far.
    @safe @exclusivity(unchecked) package internal(set) var turns: UInt64 = 0
    /// The lateness of the timers that have fired.
    @safe @exclusivity(unchecked) var lag = Lag()
    @safe @exclusivity(unchecked) var exceptionHandler: ((ExceptionContext) throws -> Void)?
    /// The number of signals that the process had received when this loop last noticed a signal.
    @safe @exclusivity(unchecked) var signalsSeen: UInt32 = 0
    /// A closure that the loop calls when a signal has arrived.
    @safe @exclusivity(unchecked) var onSignal: (() -> Void)?
    /// Dispatch's main queue, if this loop runs on the process's first thread.
    @safe @exclusivity(unchecked) var mainQueue = MainQueueService()

    // MARK: Components and observers (loop thread only)

    /// The state that the layers above the kernel store for this loop, in the order in which the components are closed.
    @safe @exclusivity(unchecked) var components: [LoopComponent] = []
    /// The observers to notify of turns and polls.
    @safe @exclusivity(unchecked) var observers: [any LoopObserver] = []
    /// The observers to notify of steps, waits, and tasks.
    @safe @exclusivity(unchecked) var stepObservers: [any LoopObserver] = []
    /// The number of times that observers were added or removed.
    @safe @exclusivity(unchecked) var observerChanges = 0
    /// Whether the loop records when tasks are created. It does so in debug mode, for observers, and in a simulation.
    @safe @exclusivity(unchecked) var noticesTasks = false
    /// The current step, if the loop has observers of steps.
    @safe @exclusivity(unchecked) var step: LoopStep?
    /// The code that scheduled the running callback, in debug mode.
    @safe @exclusivity(unchecked) var origin: CodeAddresses?

    /// Whether the loop runs in debug mode, which detects mistakes but is slower. The default is `true` if the
    /// environment variable `ASYNCIO_DEBUG` is set and not empty.
    ///
    /// asyncio: `loop.get_debug`, `loop.set_debug`.
    @safe @exclusivity(unchecked) public var debug: Bool {
        didSet {
            updateNoticing()
            if debug { Ownership.isChecked = true }
            for component in components { component.debugModeChanged() }
        }
    }

    /// The minimum duration of a step or callback that is reported in debug mode. The default is 100
    /// milliseconds.
    ///
    /// asyncio: `loop.slow_callback_duration`.
    public var slowCallbackDuration: Duration = .milliseconds(100)

    enum State { case idle, running, closed }

    /// The executor of a loop that runs on its own thread. The value is nil for a loop of the process, which receives
    /// its jobs from `LoopExecutor`.
    //
    // SAFETY: this property is set before the thread starts. The thread retains the executor, as does every object that
    // sends jobs to it.
    @safe @exclusivity(unchecked) var home: Unretained<LoopThreadExecutor>?
    /// Runs the loop as a guest of another one, in a simulation; see GuestLoop.
    //
    // SAFETY: set before other threads know the loop, and never changed.
    @safe @exclusivity(unchecked) var guest: GuestLoop?
    /// The system's ID for the thread that is running the loop, or that ran it last.
    @safe @exclusivity(unchecked) var thread: Int32 = 0

    // MARK: Any thread

    /// A number that distinguishes this loop from the other loops of the process.
    let index: UInt32
    /// The part of a task's identity that identifies its loop.
    var taskMark: UInt64 { UInt64(index) << 40 }

    /// The items that other threads have passed to this loop.
    let inbox: Inbox
    /// The activity that this loop reports to other threads.
    package let pulse = Pulse()
    private let storedName: Guarded<String>
    private static let numbers = Atomic<UInt32>(0)

    /// The name of the loop in messages and metrics. The default is `EventLoop-N`. You can use this property from any
    /// thread.
    ///
    /// asyncio: none.
    public var name: String {
        get { storedName.withLock { $0 } }
        set { storedName.withLock { $0 = newValue } }
    }

    // MARK: Creating a loop

    /// The clock of a loop.
    package enum Time {
        /// Real time, which is the time of the machine's clock.
        case real
        /// Virtual time, in which the clock jumps to the next timer when nothing else can happen.
        case virtual
    }

    /// Creates a loop without components. See EventLoop+Creating.swift.
    ///
    /// - Parameter isOfProcess: Whether the loop executes the jobs of the main actor and of tasks without an
    ///   executor.
    init(bare backend: EventLoop.Backend, debug: Bool, time: Time, isOfProcess: Bool) throws(OSError) {
        if isOfProcess { LoopExecutor.install() }
        index = Self.numbers.add(1, ordering: .relaxed).newValue
        storedName = Guarded("EventLoop-\(index)")
        (poller, self.backend) = try backend.makePoller()
        inbox = Inbox.make()
        self.debug = debug
        noticesTasks = debug
        if case .virtual = time { beginVirtualTime() }
        if debug { Ownership.isChecked = true }
    }

    deinit {
        if state != .closed {
            Self.warn("unclosed event loop", of: self)
            forgetEverything()
        }
        inbox.retire()
    }

    // MARK: One turn

    /// Runs one iteration of the loop, like asyncio's `_run_once`.
    ///
    /// All entries that are in the queue when the run phase begins run in this turn. The callbacks that these entries
    /// schedule run in the next turn, after another poll.
    func turn() {
        turns &+= 1
        receiveFromOtherThreads()
        pollForEvents()
        if SignalArrivals.count != signalsSeen { noticeSignals() }
        queueDueTimers()
        if observers.isEmpty { runReady() } else { runReadyObserved() }
    }

    /// Queues the callbacks that deliver signals. They run in this turn, as in asyncio, which reads signals from a
    /// pipe.
    @inline(never)
    private func noticeSignals() {
        signalsSeen = SignalArrivals.count
        onSignal?()
        for loop in virtual.guests { loop.guest?.requestTurn() }
    }

    /// Receives callbacks and wake-ups from other threads, in the order in which they arrived.
    func receiveFromOtherThreads() {
        guard inbox.hasNews else { return }
        if virtualNow != nil { virtual.noteAnswer() }
        inbox.take(receive)
    }

    /// Waits until a descriptor has an event or the next deadline is reached. If an entry is ready, this method does
    /// not wait. If, in addition, no descriptors are watched, this method makes no system call.
    private func pollForEvents() {
        var timeout = idleTime()
        if let failure = pollFailures.final { return doWithoutPolling(timeout, failure) }
        if timeout != 0, !inbox.beginSleep() {
            // Another thread has posted an item in the meantime. The descriptors are polled anyway.
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
            if timeout != 0 { inbox.endSleep() }
            receiveFromOtherThreads()
            // These objects are retained only once for all events, because an event changes neither property.
            let (poller, descriptors) = (poller, descriptors)
            for index in 0..<count {
                if count >= Self.leastFetchedAhead { descriptors.fetchAhead(ofEvent: index, of: count, from: poller) }
                descriptorIsReady(poller.event(at: index), among: descriptors)
            }
        } catch {
            if timeout != 0 { inbox.endSleep() }
            // If the poll was only for Dispatch's main queue, its failure does not end the run.
            if !needsNoEvents { pollFailed(error) }
            receiveFromOtherThreads()
        }
    }

    /// Polls for events. During the poll, the watchdog does not count the loop as blocked.
    private func poll(_ timeout: Int64?) throws(Errno) -> Int {
        pulse.enterPoller()
        defer { pulse.leavePoller() }
        return try observers.isEmpty ? poller.wait(timeout: timeout) : pollObserved(timeout)
    }

    /// Returns the time for which the loop can sleep. The result is 0 if the loop must not sleep, and nil if there is
    /// no limit.
    private func idleTime() -> Int64? {
        if !ready.isEmpty || isStopping || isPumped { return 0 }
        if let virtualNow { return idleTime(inVirtualTime: virtualNow) }
        if settlers != nil { return timeUntilSettled() }
        return timers.first.map { max(0, $0 - SystemClock.now()) }
    }

    /// Queues the timers that are due, ordered by deadline and then by age.
    private func queueDueTimers() {
        guard let first = timers.first else { return }
        let now = time
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

    /// Runs the entries that are in the queue now, but not the entries that are added in the meantime.
    func runReady() {
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

    // MARK: Running entries

    @inline(__always)
    private func run(_ entry: ReadyEntry) {
        if pulse.step(entry.task?.bits ?? 0) != 0 { return runObserved(entry) }
        runUnobserved(entry)
    }

    @inline(__always)
    func runUnobserved(_ entry: ReadyEntry) {
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
    func run(_ job: UnownedJob) {
        if let home { home.with { $0.runSynchronously(job) } } else { LoopExecutor.runSynchronously(job) }
    }

    /// Ends a `Task.sleep`. Its job belongs to the loop of the process, also if this loop has the timer; see
    /// FollowingThreads.swift.
    func runSleep(_ job: UnownedJob) {
        if home == nil { LoopExecutor.runSynchronously(job) } else { LoopExecutor.shared.adopt(.job(job)) }
    }

    // MARK: Time

    /// The current time in nanoseconds, on the loop's clock.
    var time: Int64 { virtualNow ?? SystemClock.now() }
}
