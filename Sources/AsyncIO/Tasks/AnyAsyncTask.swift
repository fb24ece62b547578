internal import AsyncIOSystem

/// The base class of all tasks, regardless of their value type. The class stores the task's name, supports
/// cancellation, and records what the task is waiting for.
///
/// An `AsyncTask` is a logical task. It runs on a *carrier*, which is a Swift task.
///
/// asyncio: `asyncio.Task`.
public class AnyAsyncTask: FutureBase {
    // Loop thread only, like all properties of a future.

    /// The future that the task is currently waiting for.
    //
    // SAFETY: the waiting frame retains the future, and sets this property to nil as soon as it continues.
    @safe @exclusivity(unchecked) final unowned(unsafe) var waitingOn: FutureBase?
    /// The time at which the current wait began, or 0 if the time was not recorded. Reports use this value. On a loop
    /// that runs in real time, the recorded time can be late by up to the watchdog's interval.
    @safe @exclusivity(unchecked) final var waitingSince: Int64 = 0
    /// The innermost Swift task that runs this task's code, or nil before the task starts and after it ends.
    @usableFromInline @safe @exclusivity(unchecked) final var carrier: Carrier?
    /// The number of cancellation requests that have not been withdrawn. This is asyncio's `_num_cancels_requested`.
    @safe @exclusivity(unchecked) final var requests: Int32 = 0
    /// Whether the innermost carrier has a slot in the loop's table of carriers.
    @safe @exclusivity(unchecked) final var isCarrierStored = false
    /// Whether the task's next step must deliver a cancellation request. This is asyncio's `_must_cancel`.
    @safe @exclusivity(unchecked) final var mustCancel = false
    /// Whether a cancellation request is being passed on to the future that the task is waiting for.
    @safe @exclusivity(unchecked) private final var isPassingRequestOn = false
    /// An identifier with the number of the task in the low bits and the index of its loop in the high bits. The
    /// identifier of a hidden task is 0.
    @safe @exclusivity(unchecked) package final let identity: UInt64
    /// The number of the task within its loop.
    package final var number: UInt64 { identity & Self.numberMask }
    private static let numberMask: UInt64 = 1 << 40 - 1
    /// The place where the task was created.
    package final let site: CreationSite?

    @usableFromInline
    init(name: String?, site: CreationSite?) {
        identity = EventLoop.withRequired(for: "createTask") {
            $0.taskMark | $0.tasks.nextNumber()
        }
        self.site = site
        super.init()
        givenName = name
        EventLoop.withRequired(for: "createTask") { loop in
            loop.tasks.append(self)
            if loop.noticesTasks { loop.noticeCreation(of: self) }
        }
    }

    /// Creates a hidden task that runs in the turns of a visible task; see HiddenTask.
    init(behind name: String) {
        identity = 0
        site = nil
        super.init()
        givenName = name
    }

    /// The task that `currentTask()` returns while this task is running.
    var visible: AnyAsyncTask? { self }

    /// The hidden task that currently runs in the turns of this task, if any.
    final var hidden: AnyAsyncTask? { waitingOn?.hiddenTask }

    // MARK: Identity

    /// The name of the task. A task without an explicit name is called `Task-N`.
    ///
    /// asyncio: `Task.get_name`, `Task.set_name`.
    public final var name: String {
        get { givenName ?? "Task-\(number)" }
        set { Pulse.whileNotHeld { givenName = newValue } }
    }

    /// A description with the name and the state of the task.
    public override var description: String { "Task \"\(name)\" (\(stateDescription))" }

    // MARK: Cancellation

    /// Requests cancellation of the task. If the task is waiting, the wait throws a `CancellationError`. Otherwise, the
    /// task's next wait throws the error.
    ///
    /// The error is thrown only once. A task that catches the error can continue and can wait again. If the task has
    /// not started, its body never runs.
    ///
    /// The underlying Swift task is also cancelled, so that other `async` code in the task, such as `Task.sleep`,
    /// `async let`, and standard task groups, sees the cancellation. The library cannot determine whether that code has
    /// handled the cancellation. Therefore, the task's next wait in this library also throws an error, unless
    /// ``uncancel()`` was called.
    ///
    /// - Parameter message: A message that the task can read from ``cancelMessage``.
    /// - Returns: `false` if the task has already ended.
    ///
    /// asyncio: `Task.cancel`.
    @discardableResult
    public override func cancel(_ message: String? = nil) -> Bool { meet(receiveRequest(message), message) }

    /// - Parameter isNative: Whether to also cancel waits for code outside this library. Pass `false` if the cancelling
    ///   scope knows that the task is waiting for one of this library's futures and will continue after the
    ///   cancellation.
    final func cancel(_ message: String?, isNative: Bool) -> Bool {
        meet(receive(message, isNative: isNative), message)
    }

    override func receiveRequest(_ message: String?) -> Bool? { receive(message, isNative: true) }

    /// Receives a cancellation request. Returns nil if the request must be passed on to the future that the task is
    /// waiting for.
    private final func receive(_ message: String?, isNative: Bool) -> Bool? {
        isErrorRetrieved = true
        guard state == .pending else { return false }
        if isPassingRequestOn { return breakCircle(message) }
        if isStackLow(), let loop = EventLoop.here {
            // Cancellation handlers of foreign tasks have cancelled each other recursively.
            loop.enqueue { [self] in _ = cancel(message, isNative: isNative) }
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
        // Usually the task waits for something that accepts the request itself.
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

    /// Breaks a cycle of tasks that wait for each other. The cancellation request has passed through the cycle and
    /// returned to this task, which accepts the request and stops waiting.
    private final func breakCircle(_ message: String?) -> Bool {
        guard let job = waitingOn?.forgetWake(of: self) else { return false }
        mustCancel = true
        requestedMessage = message
        EventLoop.withRequired(for: "cancel") { $0.ready.append(.wake(job, UnretainedTask(self))) }
        return true
    }

    /// The number of cancellation requests that have not been withdrawn.
    ///
    /// asyncio: `Task.cancelling`.
    public final var cancelling: Int { Int(hidden?.requests ?? requests) }

    /// Withdraws one cancellation request. Call this method if your code catches a `CancellationError` and continues.
    /// If no requests remain, a cancellation that has not been delivered yet is discarded.
    ///
    /// - Returns: The number of remaining cancellation requests.
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
            task = current.hidden
        }
        return cancelling
    }

    /// The message of the latest cancellation that this task received. The cancellation affected either the task itself
    /// or a future that the task was waiting for.
    ///
    /// asyncio: the argument of the `CancelledError`.
    public final var cancelMessage: String? { (hidden ?? self).deliveredMessage }

    /// Delivers a pending cancellation request after a wait by throwing a `CancellationError`.
    ///
    /// This method does not throw if the awaited future itself ended with a cancellation. In that case, the caller
    /// throws the future's cancellation, which also counts as the delivery of the request.
    @inline(__always)
    final func deliverCancellation(unlessIn future: FutureBase?) throws {
        if mustCancel { try deliver(unlessIn: future) }
    }

    // Waits use untyped throws, and throw out of line. The size of a `CancellationError` is known only at run
    // time, so a function that throws the concrete type allocates room for it whenever it is called.
    @inline(never)
    private final func deliver(unlessIn future: FutureBase?) throws {
        mustCancel = false
        if let future {
            if future.endedInCancellation { return }
            // The task has received the outcome of the future, even if this error replaces that outcome.
            future.isErrorRetrieved = true
        }
        deliveredMessage = requestedMessage
        throw CancellationError()
    }

    // MARK: Running

    /// Begins the task. A carrier must call this method before it runs the task's body. Returns false if the task was
    /// cancelled before it started. In that case, the task has ended, and its body must not run.
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

    /// Makes the running Swift task the carrier of this task.
    @usableFromInline
    final func enterCarrier() {
        guard let current = Carrier.current else {
            fatalError("a task's body runs outside of any Swift task; this is a bug in swift-asyncio")
        }
        carrier = current
        withLoop { loop in
            loop.carriers.insert(current, self)
            if loop.virtual.asksHosts { loop.taskBegins(self) }
            if loop.pulse.setTask(UnretainedTask(self).bits) != 0 { loop.stepIs(of: self) }
        }
        // A request that has not been delivered yet must also reach foreign waits on this carrier.
        if mustCancel { current.cancel() }
    }

    /// Ends the current carrier and makes `outer` the task's carrier again. A carrier must call this method last.
    @usableFromInline
    final func leaveCarrier(backTo outer: Carrier?) {
        if let current = carrier { withLoop { $0.carriers.remove(current, of: self) } }
        carrier = outer
    }

    /// Ends the task after its body has ended because of a cancellation. The first reader of the result gets the
    /// cancellation message.
    final func endCancelled() {
        storedMessage = deliveredMessage
        requestedMessage = nil
        end(as: .cancelled)
    }

    /// Ends the task after its body has returned. Returns false if a cancellation request was still pending. That
    /// request came too late for the body, but its message is available to all readers of the result.
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

    /// Ends the task after its body has thrown an error. This method is not inlined, for the same reason as
    /// `deliver(unlessIn:)`.
    @inline(never)
    @usableFromInline
    final func endThrowing(_ error: any Error) {
        guard isCancellation(error) else { return endFailed(error) }
        if mustCancel, !(error is CancellationError) {
            // Another library has delivered the cancellation, with its own error.
            mustCancel = false
            deliveredMessage = requestedMessage
        }
        endCancelled()
    }

    // MARK: Waiting for itself

    /// Whether this task is the running task.
    @usableFromInline
    final var isCurrent: Bool { currentTask() === self }

    /// Throws an error, because a task that waits for itself would wait forever.
    @usableFromInline
    final func awaitSelf() async throws {
        try await yieldToLoop()
        throw RuntimeError("Task cannot await on itself: \(name)")
    }

    // MARK: Inside

    final func end(as state: State) {
        withLoop { loop in
            let isNoticed = leave(loop)
            complete(as: state)
            if isNoticed { loop.noticeEnd(of: self) }
        }
    }

    /// Removes the task from its loop. Returns whether the loop must be notified that the task has ended.
    @inline(__always)
    private final func leave(_ loop: EventLoop) -> Bool {
        let isNoticed = loop.pulse.setTask(0) != 0
        if isNoticed { Pulse.waitWhileHeld() }
        loop.tasks.remove(self)
        return isNoticed
    }

    final func endFailed(_ error: any Error) {
        withLoop { loop in
            let isNoticed = leave(loop)
            fail(error)
            if isNoticed { loop.noticeEnd(of: self) }
            loop.handleUncaught(error) {}
        }
    }

    // MARK: The task's loop

    /// Calls `body` while the loop of this task is the current loop.
    ///
    /// Usually, this loop is already the current loop of the thread. The loops differ if the task waited for code
    /// outside this library and a nested loop resumed the task.
    @inline(__always)
    private final func withLoop(_ body: (EventLoop) -> Void) {
        EventLoop.withRequired(for: "A task") { loop in
            if isOf(loop) { body(loop) } else { withOuterLoop(insteadOf: loop, body) }
        }
    }

    @inline(__always)
    private final func isOf(_ loop: EventLoop) -> Bool {
        identity & ~Self.numberMask == loop.taskMark
    }

    @inline(never)
    private final func withOuterLoop(insteadOf here: EventLoop, _ body: (EventLoop) -> Void) {
        // A hidden task belongs to the loop on which it is running.
        if identity == 0 { return body(here) }
        // A loop that has ended no longer has a record of the task.
        guard let loop = LoopRegistry.all.first(where: isOf) else { return body(here) }
        guard loop.thread == Thread.number else { Ownership.stop("task \"\(name)\"", of: loop, usedOn: here) }
        loop.whileCurrent { body(loop) }
    }

    override func takeMessage() -> String? { storedMessage.take() ?? requestedMessage }

    override var lostErrorReport: (message: String, task: String?, location: String?) {
        ("Task exception was never retrieved", name, site?.description)
    }
}
