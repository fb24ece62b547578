internal import AsyncIOSystem

/// A task, whatever its value: name, cancellation, and what it waits for.
///
/// An `AsyncTask` is the logical task. What runs it is a *carrier*, a Swift task;
/// see onCarrier.swift.
///
/// asyncio: `asyncio.Task`.
public class AnyAsyncTask: FutureBase {
    // Loop thread only, like all of a future.

    /// What the task waits for right now.
    //
    // SAFETY: the frame that waits holds the future, and sets this to nil first thing
    // when it goes on.
    @safe @exclusivity(unchecked) final unowned(unsafe) var waitingOn: FutureBase?
    /// Since when, for reports: 0 if nobody took the time. In real time it may be late by as
    /// long as the watchdog takes between two looks.
    @safe @exclusivity(unchecked) final var waitingSince: Int64 = 0
    /// The innermost Swift task that runs this task's code; nil before it started
    /// and after it ended.
    @usableFromInline @safe @exclusivity(unchecked) final var carrier: Carrier?
    /// How many requests to cancel were not taken back. asyncio's `_num_cancels_requested`.
    @safe @exclusivity(unchecked) final var requests: Int32 = 0
    /// Whether the innermost carrier has a slot in the loop's table of carriers.
    @safe @exclusivity(unchecked) final var isCarrierStored = false
    /// A request to cancel that the next step must deliver. asyncio's `_must_cancel`.
    @safe @exclusivity(unchecked) final var mustCancel = false
    /// A request is on its way to what the task waits for.
    @safe @exclusivity(unchecked) private final var isPassingRequestOn = false
    @safe @exclusivity(unchecked) final let number: UInt64
    /// Where the task was created.
    final let site: CreationSite?

    @usableFromInline
    init(name: String?, site: CreationSite?) {
        number = EventLoop.withRequired(for: "createTask") { $0.tasks.nextNumber() }
        self.site = site
        super.init()
        givenName = name
        EventLoop.withRequired(for: "createTask") { loop in
            loop.tasks.append(self)
            if loop.debug { noteMaker() }
        }
    }

    /// A task that nobody sees, of which another one is the face; see GeneratorTask.
    init(behind name: String) {
        number = 0
        site = nil
        super.init()
        givenName = name
    }

    /// The task that the program sees when this one runs.
    var visible: AnyAsyncTask? { self }

    // MARK: Identity

    /// The name given, or `Task-N`.
    ///
    /// asyncio: `Task.get_name`, `Task.set_name`.
    public final var name: String {
        get { givenName ?? "Task-\(number)" }
        set { Watchdog.whileNotLooking { givenName = newValue } }
    }

    public override var description: String { "Task \"\(name)\" (\(stateDescription))" }

    // MARK: Cancellation

    /// Asks the task to end: a `CancellationError` is thrown where it waits, or at its
    /// next wait. It is thrown once: a task that catches it may go on, and may await.
    /// A task that has not started never runs its body.
    ///
    /// The running Swift task is cancelled too, so that other `async` code inside
    /// notices: `Task.sleep`, `async let`, a standard task group. Whether it did, nobody
    /// tells us: so the next wait of ours throws too, unless ``uncancel()`` was called.
    ///
    /// - Parameter message: for the task to read in ``cancelMessage``.
    /// - Returns: false if the task has ended already.
    ///
    /// asyncio: `Task.cancel`.
    @discardableResult
    public override func cancel(_ message: String? = nil) -> Bool { meet(receiveRequest(message), message) }

    /// - Parameter isNative: whether foreign waits are to notice: not if the scope that
    ///   cancels knows that the task waits for one of our futures, and will go on.
    final func cancel(_ message: String?, isNative: Bool) -> Bool {
        meet(receive(message, isNative: isNative), message)
    }

    override func receiveRequest(_ message: String?) -> Bool? { receive(message, isNative: true) }

    /// Takes a request; nil if it is to be passed on to what the task waits for.
    private final func receive(_ message: String?, isNative: Bool) -> Bool? {
        isErrorRetrieved = true
        guard state == .pending else { return false }
        if isPassingRequestOn { return breakCircle(message) }
        if isStackLow(), let loop = EventLoop.here {
            // Handlers of foreign tasks have cancelled each other, one inside the other.
            loop.ready.append(.handle(Handle(.callback { [self] in _ = cancel(message, isNative: isNative) })))
            return true
        }
        requests += 1
        if isNative { carrier?.cancel() }
        guard waitingOn != nil else { return passedOn(false, message) }
        isPassingRequestOn = true
        return nil
    }

    private final func meet(_ answer: Bool?, _ message: String?) -> Bool {
        if let answer { return answer }
        // Mostly the task waits for what takes the request itself.
        guard let future = waitingOn, !future.passesRequestsOn else { return passRequestOn(message) }
        return passedOn(future.cancel(message), message)
    }

    override var passesRequestsOn: Bool { true }

    override func target(_ index: Int) -> FutureBase? { index == 0 ? waitingOn : nil }

    override func passedOn(_ wasAccepted: Bool, _ message: String?) -> Bool {
        isPassingRequestOn = false
        if wasAccepted { return true }
        mustCancel = true
        requestedMessage = message
        return true
    }

    /// The request has come back: tasks wait for each other in a circle, and each hands it to
    /// the next. This one takes it, and waits no more.
    private final func breakCircle(_ message: String?) -> Bool {
        guard let job = waitingOn?.forgetWake(of: self) else { return false }
        mustCancel = true
        requestedMessage = message
        EventLoop.withRequired(for: "cancel") { $0.ready.append(.wake(job, UnretainedTask(self))) }
        return true
    }

    /// How many requests to cancel this task has that were not taken back.
    ///
    /// asyncio: `Task.cancelling`.
    public final var cancelling: Int { Int(generator?.requests ?? requests) }

    /// Takes one request to cancel back, for code that caught the cancellation and
    /// means to go on. At zero, a request that was not delivered yet is forgotten.
    ///
    /// - Returns: how many are left.
    ///
    /// asyncio: `Task.uncancel`.
    @discardableResult
    public final func uncancel() -> Int {
        var task: AnyAsyncTask? = self
        while let current = task {
            if current.requests > 0 {
                current.requests -= 1
                if current.requests == 0 { current.mustCancel = false }
            }
            task = current.generator
        }
        return cancelling
    }

    /// The message of the latest cancellation that this task saw, its own or that of
    /// something it waited for.
    ///
    /// asyncio: the argument of the `CancelledError`.
    public final var cancelMessage: String? { (generator ?? self).deliveredMessage }

    /// Throws a pending request to cancel, after a wait.
    ///
    /// If the future that the task waited for ended with a cancellation, the request is
    /// met by that, and the caller throws it.
    @inline(__always)
    final func deliverCancellation(unlessIn future: FutureBase?) throws {
        if mustCancel { try deliver(unlessIn: future) }
    }

    // Waits throw untyped, and out of line: the size of a `CancellationError` is known at
    // run time only, so that a function that may throw one by its type allocates room for
    // it whenever it is called.
    @inline(never)
    private final func deliver(unlessIn future: FutureBase?) throws {
        mustCancel = false
        if let future {
            if future.endedInCancellation { return }
            // The task has seen how it ended, even if this takes its place.
            future.isErrorRetrieved = true
        }
        deliveredMessage = requestedMessage
        throw CancellationError()
    }

    // MARK: Running

    /// The first thing in a task's body. False if the task was cancelled before it
    /// started: then it has ended, and its body must not run.
    @usableFromInline
    final func begin() -> Bool {
        if mustCancel {
            mustCancel = false
            deliveredMessage = requestedMessage
            endCancelled()
            return false
        }
        enterCarrier()
        return true
    }

    /// The running Swift task carries this task from now on.
    @usableFromInline
    final func enterCarrier() {
        guard let current = Carrier.current else {
            fatalError("A task's body runs outside of any Swift task; this is a mistake in swift-asyncio.")
        }
        carrier = current
        EventLoop.withRequired(for: "A task") { loop in
            loop.carriers.insert(current, self)
            if loop.pulse.setTask(UnretainedTask(self).bits) != 0 { loop.stepIs(of: self) }
        }
        // A request that is still to be delivered reaches foreign waits on this carrier too.
        if mustCancel { current.cancel() }
    }

    /// The last thing in a carrier: `outer` carries the task again.
    @usableFromInline
    final func leaveCarrier(backTo outer: Carrier?) {
        if let current = carrier { EventLoop.withRequired(for: "A task") { $0.carriers.remove(current, of: self) } }
        carrier = outer
    }

    /// The task's body ended by a cancellation. Its message goes to the first who looks.
    final func endCancelled() {
        storedMessage = deliveredMessage
        requestedMessage = nil
        end(as: .cancelled)
    }

    /// The body returned. False if a request to cancel was still open: it came too late for
    /// the body, but it came, and its message is there for all who look.
    @usableFromInline
    final func endSucceeded() -> Bool {
        guard mustCancel else {
            end(as: .finished)
            return true
        }
        mustCancel = false
        end(as: .cancelled)
        return false
    }

    /// The body threw. Out of line, as `deliver(unlessIn:)` is, and for the same reason.
    @inline(never)
    @usableFromInline
    final func endThrowing(_ error: any Error) {
        guard isCancellation(error) else { return endFailed(error) }
        if mustCancel, !(error is CancellationError) {
            // Another library has told the task, in its own words.
            mustCancel = false
            deliveredMessage = requestedMessage
        }
        endCancelled()
    }

    // MARK: Waiting for itself

    /// Whether this is the task that runs.
    @usableFromInline
    final var isCurrent: Bool { currentTask() === self }

    /// A task that waits for itself would wait for ever.
    @usableFromInline
    nonisolated(nonsending) final func awaitSelf() async throws {
        try await yieldToLoop()
        throw RuntimeError("Task cannot await on itself: \(name)")
    }

    // MARK: Inside

    final func end(as state: State) {
        EventLoop.withRequired(for: "A task") { loop in
            if loop.pulse.setTask(0) != 0 { Watchdog.waitWhileLooking() }
            loop.tasks.remove(self)
        }
        complete(as: state)
    }

    final func endFailed(_ error: any Error) {
        let loop = EventLoop.required(for: "A task")
        if loop.pulse.setTask(0) != 0 { Watchdog.waitWhileLooking() }
        loop.tasks.remove(self)
        fail(error)
        if let interrupt = error as? KeyboardInterrupt { loop.escaping = interrupt }
    }

    override func takeMessage() -> String? { storedMessage.take() ?? requestedMessage }

    override var lostErrorReport: (message: String, task: String?, location: String?) {
        ("Task exception was never retrieved", name, site?.description)
    }
}
