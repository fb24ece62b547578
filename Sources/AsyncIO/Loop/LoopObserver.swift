internal import AsyncIOSystem
internal import SystemPackage

// # Observers
//
// Timing in debug mode, `asyncio top`, and metrics are observers, and a program can add its own. A loop without
// observers has no additional cost: every step already announces itself to the watchdog through one word of memory
// (`Pulse`), which also indicates whether steps are observed.
//
// If a step ends but its task does not, the task has begun to wait. Therefore, waits need no separate announcements.

/// An object that an event loop notifies of each turn, each step, and the creation and end of each task.
///
/// Use observers to build profilers, tracers, and tests. All methods are called on the loop's thread, and have empty
/// default implementations. They must not block, and must not use the loop except to read its properties.
///
/// ```swift
/// final class LongestStep: LoopObserver {
///     private var start = ContinuousClock.now
///     private(set) var longest = Duration.zero
///
///     func stepBegan(_ step: LoopStep, on loop: EventLoop) { start = .now }
///     func stepEnded(_ step: LoopStep, on loop: EventLoop) { longest = max(longest, .now - start) }
/// }
/// ```
///
/// asyncio: none. In trio, this is `trio.abc.Instrument`.
public protocol LoopObserver: AnyObject {
    /// Whether the observer is notified of steps, waits, and tasks, in addition to turns and polls. The loop reads this
    /// property when the observer is added. The default is `true`.
    ///
    /// If this property is `false`, the observer does not make steps slower.
    var observesSteps: Bool { get }

    /// Called after the loop has polled, when it is about to run the ready entries.
    ///
    /// - Parameter ready: The number of entries that the loop will run.
    func turnBegan(on loop: EventLoop, ready: Int)
    /// Called after the loop has run the ready entries.
    func turnEnded(on loop: EventLoop)

    /// Called when the loop is about to ask the system for events.
    ///
    /// - Parameter timeout: The maximum time for which the loop waits, or `nil` for no limit.
    func pollBegan(on loop: EventLoop, timeout: Duration?)
    /// Called when the system has returned the events.
    func pollEnded(on loop: EventLoop)

    /// Called when a task continues or a callback begins.
    func stepBegan(_ step: LoopStep, on loop: EventLoop)
    /// Called when the task has suspended or ended, or when the callback has returned.
    func stepEnded(_ step: LoopStep, on loop: EventLoop)

    /// Called when a task has been created, before it starts.
    func taskCreated(_ task: AnyAsyncTask, on loop: EventLoop)
    /// Called when a task has returned a value, thrown an error, or been cancelled. The loop calls this method within
    /// the last step of the task.
    func taskEnded(_ task: AnyAsyncTask, on loop: EventLoop)

    /// Called when a task has suspended, after ``stepEnded(_:on:)``.
    func waitBegan(_ task: AnyAsyncTask, on loop: EventLoop)
    /// Called when a suspended task is about to continue, before ``stepBegan(_:on:)``.
    func waitEnded(_ task: AnyAsyncTask, on loop: EventLoop)
}

extension LoopObserver {
    /// The default value, `true`.
    public var observesSteps: Bool { true }
    /// Does nothing.
    public func turnBegan(on loop: EventLoop, ready: Int) {}
    /// Does nothing.
    public func turnEnded(on loop: EventLoop) {}
    /// Does nothing.
    public func pollBegan(on loop: EventLoop, timeout: Duration?) {}
    /// Does nothing.
    public func pollEnded(on loop: EventLoop) {}
    /// Does nothing.
    public func stepBegan(_ step: LoopStep, on loop: EventLoop) {}
    /// Does nothing.
    public func stepEnded(_ step: LoopStep, on loop: EventLoop) {}
    /// Does nothing.
    public func taskCreated(_ task: AnyAsyncTask, on loop: EventLoop) {}
    /// Does nothing.
    public func taskEnded(_ task: AnyAsyncTask, on loop: EventLoop) {}
    /// Does nothing.
    public func waitBegan(_ task: AnyAsyncTask, on loop: EventLoop) {}
    /// Does nothing.
    public func waitEnded(_ task: AnyAsyncTask, on loop: EventLoop) {}
}

/// A unit of work that a loop runs. A step is a callback, or the part of a task from one suspension to the next.
public struct LoopStep {
    /// The kind of a step.
    public struct Kind: Sendable, Hashable, CustomStringConvertible {
        /// The name of the kind.
        public let description: String

        /// The part of an ``AsyncTask`` from one suspension to the next.
        public static let task = Kind(description: "task")
        /// A scheduled callback, or a callback of a timer, a descriptor, or another thread.
        public static let callback = Kind(description: "callback")
        /// A done callback of a future.
        public static let doneCallback = Kind(description: "doneCallback")
        /// Code of an actor, or of a Swift task that is not an ``AsyncTask``. The first step of a task has this kind
        /// when the step begins, and the kind ``task`` when the step ends.
        public static let other = Kind(description: "other")
    }

    /// The kind of the step.
    public internal(set) var kind: Kind
    /// The task that is running; `nil` if no task is running, or if the task is not known yet.
    public internal(set) var task: AnyAsyncTask?
    /// The future whose done callback is running, or `nil`.
    public let future: FutureBase?

    init(_ entry: ReadyEntry) {
        task = entry.task?.object
        var ended: FutureBase?
        switch entry {
        case .wake(_, let task): kind = task == nil ? .other : .task
        case .job: kind = .other
        case .done(let future, _):
            kind = .doneCallback
            ended = future
        case .handle, .threadSafe, .descriptor, .sleep: kind = .callback
        }
        future = ended
    }
}

extension EventLoop {
    /// Adds an observer after the existing observers. The loop retains the observer until the loop is closed.
    ///
    /// An observer is notified of the end of a turn or step only if it was notified of the beginning.
    ///
    /// While the loop has observers of steps, each step makes a few additional calls.
    ///
    /// asyncio: none. In trio, this is `trio.lowlevel.add_instrument`.
    public func addObserver(_ observer: any LoopObserver) {
        assertUsable("addObserver")
        observers.append(observer)
        if observer.observesSteps { stepObservers.append(observer) }
        observersChanged()
    }

    /// Removes an observer, so that it is no longer notified. If the observer was not added, this method does nothing.
    ///
    /// - Complexity: O(*n*), where *n* is the number of observers.
    ///
    /// asyncio: none. In trio, this is `trio.lowlevel.remove_instrument`.
    public func removeObserver(_ observer: any LoopObserver) {
        assertUsable("removeObserver")
        observers.removeAll { $0 === observer }
        stepObservers.removeAll { $0 === observer }
        observersChanged()
    }

    private func observersChanged() {
        observerChanges += 1
        if stepObservers.isEmpty { pulse.lower(.observed) } else { pulse.raise(.observed) }
        updateNoticing()
    }

    func updateNoticing() { noticesTasks = debug || !stepObservers.isEmpty || virtual.hosts != nil }

    // MARK: Internals

    /// Runs a step that another thread is watching, or that has observers.
    @inline(never)
    func runObserved(_ entry: ReadyEntry) {
        Pulse.waitWhileHeld()
        guard !stepObservers.isEmpty else { return runUnobserved(entry) }
        // The step can add and remove observers, and can run turns of the loop.
        let (observers, changes) = (stepObservers, observerChanges)
        let outer = step
        let step = LoopStep(entry)
        self.step = step
        origin = nil
        if let task = step.task?.visible { for observer in observers { observer.waitEnded(task, on: self) } }
        for observer in observers { observer.stepBegan(step, on: self) }
        runUnobserved(entry)
        let ended = self.step ?? step
        for observer in remaining(observers, since: changes) { observer.stepEnded(ended, on: self) }
        if let task = ended.task, !task.isDone {
            for observer in remaining(observers, since: changes) { observer.waitBegan(task, on: self) }
        }
        self.step = outer
    }

    /// Records that the current step belongs to this task.
    @inline(never)
    func stepIs(of task: AnyAsyncTask) {
        Pulse.waitWhileHeld()
        step?.kind = .task
        step?.task = task.visible ?? task
    }

    /// Notifies observers that a task was created. Called only if `noticesTasks` is true.
    @inline(never)
    func noticeCreation(of task: AnyAsyncTask) {
        if debug { task.noteMaker() }
        virtual.hosts?.taskCreated(task)
        for observer in stepObservers { observer.taskCreated(task, on: self) }
    }

    /// Notifies observers that a task has ended within an observed step.
    @inline(never)
    func noticeEnd(of task: AnyAsyncTask) {
        for observer in stepObservers { observer.taskEnded(task, on: self) }
    }

    /// Runs the ready entries, and notifies observers.
    @inline(never)
    func runReadyObserved() {
        let (observers, changes) = (observers, observerChanges)
        for observer in observers { observer.turnBegan(on: self, ready: ready.count) }
        runReady()
        for observer in remaining(observers, since: changes) { observer.turnEnded(on: self) }
    }

    /// Returns the elements of `observers` that have not been removed in the meantime.
    private func remaining(_ observers: [any LoopObserver], since changes: Int) -> [any LoopObserver] {
        if changes == observerChanges { return observers }
        return observers.filter { observer in self.observers.contains { $0 === observer } }
    }

    /// Polls, and notifies observers.
    @inline(never)
    func pollObserved(_ timeout: Int64?) throws(Errno) -> Int {
        for observer in observers { observer.pollBegan(on: self, timeout: timeout.map { .nanoseconds($0) }) }
        defer { for observer in observers { observer.pollEnded(on: self) } }
        return try poller.wait(timeout: timeout)
    }
}
