// Every wait in this library is a wait for a future, such as a task's value, a timer, a lock, an item in a queue, or
// bytes from a socket. This file contains all parts of a future except its value. Suspension.swift explains how a task
// waits for a future.

/// The base class of all futures and tasks, regardless of their value type. A future has a state that changes only
/// once, and callbacks that are called after the change.
///
/// asyncio: `asyncio.Future`.
public class FutureBase {
    @usableFromInline
    enum State: UInt8 { case pending, finished, failed, cancelled }

    // All of these properties belong to the loop's thread: the class is not Sendable, and creating or awaiting a future
    // checks the thread.
    @usableFromInline @safe @exclusivity(unchecked) final var state = State.pending
    /// Whether the error has been retrieved. An error that was not retrieved is reported when the future is released.
    @safe @exclusivity(unchecked) final var isErrorRetrieved = true
    /// Whether a shield already reports the error; see shield.swift.
    @safe @exclusivity(unchecked) final var isWatchedByShield = false
    /// The loop on which a task waits for this future. The loop is recorded only in debug mode; see Ownership.swift.
    @safe @exclusivity(unchecked) final var owner: UInt8 = 0
    /// A value for the data structure that contains this future. The value is the position of a task in the TaskList,
    /// or the age of a sleep in the TimerHeap.
    @safe @exclusivity(unchecked) final var tag: UInt32 = 0
    /// The first callback. Most futures have only one callback, and therefore need no array.
    @safe @exclusivity(unchecked) private final var first = Callback.none
    /// Rarely used state, which is allocated on demand.
    @safe @exclusivity(unchecked) final var extras: FutureExtras?

    enum Callback {
        case none
        /// Wakes a waiting task, or a plain Swift task that has no AsyncTask.
        case wake(UnownedJob, UnretainedTask?)
        case call(DoneCallback)
    }

    init() {}

    deinit {
        if !isErrorRetrieved { reportLostError() }
    }

    // MARK: State

    /// Whether the future has ended, either with a value, with an error, or because it was cancelled.
    ///
    /// asyncio: `Future.done`.
    @inlinable
    public final var isDone: Bool { state != .pending }

    /// Whether the future was cancelled.
    ///
    /// asyncio: `Future.cancelled`.
    public final var wasCancelled: Bool { state == .cancelled }

    /// Returns the error that the future ended with, or `nil` if the future ended with a value.
    ///
    /// - Throws: ``InvalidStateError`` if the future has not ended; `CancellationError` if the future was cancelled.
    ///
    /// asyncio: `Future.exception`.
    public final func error() throws -> (any Error)? {
        switch state {
        case .pending: throw InvalidStateError("Exception is not set.")
        case .cancelled: try throwCancellation()
        case .failed: return takeError()
        case .finished: return nil
        }
    }

    /// Whether retrieving the result throws a `CancellationError`. Either the future was cancelled, or its error is a
    /// `CancellationError`, as in the future of a `gather`.
    final var endedInCancellation: Bool {
        state == .cancelled || (state == .failed && failure is CancellationError)
    }

    /// Returns the error, and marks it as retrieved.
    @usableFromInline
    final func takeError() -> (any Error)? {
        isErrorRetrieved = true
        return failure
    }

    // MARK: Ending

    /// Cancels the future. Waiting tasks receive a `CancellationError`.
    ///
    /// - Parameter message: A message for the waiting tasks; see ``AnyAsyncTask/cancelMessage``.
    /// - Returns: `false` if the future has already ended.
    ///
    /// asyncio: `Future.cancel`.
    @discardableResult
    public func cancel(_ message: String? = nil) -> Bool {
        isErrorRetrieved = true
        guard state == .pending else { return false }
        storedMessage = message
        complete(as: .cancelled)
        return true
    }

    // Futures that pass on requests to cancel override these methods; see PassingRequests.swift.

    /// This future as a hidden task, or nil if the future is not a hidden task. A hidden task runs the body of a
    /// generator, in the turns of the task that waits for the hidden task.
    var hiddenTask: AnyAsyncTask? { nil }

    /// Whether the future passes cancellation requests on to other futures.
    var passesRequestsOn: Bool { false }

    /// Receives a cancellation request. Returns whether the future accepts the request, or nil if the request must be
    /// passed on.
    func receiveRequest(_ message: String?) -> Bool? { cancel(message) }

    /// Returns the future with the given index among the futures to which this future passes on cancellation requests,
    /// or nil if `index` is too large.
    func target(_ index: Int) -> FutureBase? { nil }

    /// Called after a request has been passed on to all targets. The parameter `wasAccepted` specifies whether a target
    /// accepted the request. Returns whether this future counts the request as accepted.
    func passedOn(_ wasAccepted: Bool, _ message: String?) -> Bool { wasAccepted }

    final func fail(_ error: any Error) {
        failure = error
        isErrorRetrieved = false
        complete(as: .failed)
    }

    /// Changes the state and queues the callbacks in the order in which they were registered.
    @usableFromInline
    final func complete(as end: State) {
        state = end
        switch first {
        case .none:
            // There are no callbacks, so the loop is not used. Without this check, a call from the wrong thread would
            // go unnoticed.
            if !EventLoop.withHere({ _ in }) { EventLoop.assertNoneElsewhere(for: "Completing a future") }
        case .wake, .call:
            EventLoop.withRequired(for: "Completing a future") { loop in
                if Ownership.isChecked { checkOwner(on: loop) }
                queueCallbacks(on: loop)
            }
        }
    }

    @inline(never)
    final func checkOwner(on loop: EventLoop) {
        Ownership.check(&owner, on: loop, "\(waitDescription), for which a task waits,")
    }

    /// Changes the state and queues the callbacks on `loop`, which the caller already knows.
    @inline(__always)
    final func complete(as end: State, on loop: EventLoop) {
        state = end
        queueCallbacks(on: loop)
    }

    @inline(__always)
    private final func queueCallbacks(on loop: EventLoop) {
        switch first {
        case .none: break
        case .wake(let job, let task):
            first = .none
            loop.ready.append(.wake(job, task))
        case .call(let callback):
            first = .none
            loop.ready.append(.done(self, callback))
        }
        if extras != nil { queueOthers(on: loop) }
    }

    @inline(never)
    private final func queueOthers(on loop: EventLoop) {
        let callbacks = others
        others = []
        for callback in callbacks { queue(callback, on: loop) }
    }

    @inline(__always)
    private final func queue(_ callback: Callback, on loop: EventLoop) {
        switch callback {
        case .none: break
        case .wake(let job, let task): loop.ready.append(.wake(job, task))
        case .call(let callback): loop.ready.append(.done(self, callback))
        }
    }

    // MARK: Callbacks

    @inline(__always)
    final func register(_ callback: Callback) {
        if case .none = first, extras == nil || others.isEmpty {
            first = callback
        } else {
            others.append(callback)
        }
    }

    /// Calls `body` in the turn after the future ends, or in the next turn if the future has already ended.
    @discardableResult
    final func onDone(_ body: @escaping (FutureBase) throws -> Void) -> DoneCallback {
        let callback = DoneCallback(body)
        if state == .pending {
            register(.call(callback))
        } else {
            EventLoop.required(for: "addDoneCallback").ready.append(.done(self, callback))
        }
        return callback
    }

    /// Removes a callback.
    ///
    /// - Parameter callback: The token that ``Awaitable/addDoneCallback(_:)`` or
    ///   ``AnyAsyncTask/addDoneCallback(_:)`` returned.
    /// - Returns: The number of removed callbacks. The number is 0 if the callback has already been called or removed,
    ///   and 1 otherwise.
    /// - Complexity: O(*n*), where *n* is the number of callbacks and waiting tasks.
    ///
    /// asyncio: `Future.remove_done_callback`.
    @discardableResult
    public final func removeDoneCallback(_ callback: DoneCallback) -> Int {
        forget(callback) ? 1 : 0
    }

    /// Releases all callbacks and the objects that they retain. Call this method only if the future will never end.
    final func forgetCallbacks() {
        first = .none
        if extras != nil { others = [] }
    }

    /// Removes a callback that has not been queued yet. Returns whether the callback was removed.
    @discardableResult
    final func forget(_ callback: DoneCallback) -> Bool {
        if case .call(let registered) = first, registered === callback {
            first = others.isEmpty ? .none : others.removeFirst()
            return true
        }
        guard
            let index = others.firstIndex(where: {
                if case .call(let registered) = $0 { return registered === callback }
                return false
            })
        else { return false }
        others.remove(at: index)
        return true
    }

    /// Removes the wake-up of a task and returns the job of the wake-up, or nil if the task is not waiting for this
    /// future.
    final func forgetWake(of task: AnyAsyncTask) -> UnownedJob? {
        func job(in callback: Callback) -> UnownedJob? {
            guard case .wake(let job, let waiting) = callback, waiting?.object === task else { return nil }
            return job
        }
        if let job = job(in: first) {
            first = others.isEmpty ? .none : others.removeFirst()
            return job
        }
        for index in others.indices {
            guard let job = job(in: others[index]) else { continue }
            others.remove(at: index)
            return job
        }
        return nil
    }

    // MARK: Reports

    /// A description of the future and its state.
    public var description: String { "Future (\(stateDescription))" }

    /// The description of the future in reports about a task that waits for it.
    var waitDescription: String { description }

    /// The object that a task actually waits for when it waits for this future, such as a lock. The value is nil if
    /// there is no such object.
    var waitSubject: AnyObject? { nil }

    /// The tasks and futures that this future waits for.
    var awaited: [FutureBase] { (waitSubject as? any AwaitingOthers)?.awaited ?? [] }

    /// The tasks that wait for this future.
    final var waitingTasks: [AnyAsyncTask] {
        ([first] + others).compactMap { callback in
            guard case .wake(_, let task) = callback else { return nil }
            return task?.object
        }
    }

    final var stateDescription: String {
        switch state {
        case .pending: "pending"
        case .finished: "finished"
        case .failed: "failed: \(failure.map(describe) ?? "")"
        case .cancelled: "cancelled"
        }
    }

    /// The parts of the report about an error that was never retrieved: the message, the name of the task, and the
    /// place where the task was created.
    var lostErrorReport: (message: String, task: String?, location: String?) {
        ("Future exception was never retrieved", nil, nil)
    }

    private final func reportLostError() {
        let (message, task, location) = lostErrorReport
        EventLoop.report(
            ExceptionContext(
                message: message, error: failure, subject: description, task: task, location: location
            ).traced(extras?.trace))
    }

    /// Returns the cancellation message for a waiting task. A task overrides this method to return its message only to
    /// the first reader.
    func takeMessage() -> String? { storedMessage }
}

extension FutureBase: CustomStringConvertible {}

@available(*, unavailable, message: "a future belongs to its loop's thread; hand work over with loop.submit { }")
extension FutureBase: Sendable {}

/// A callback that is registered with a future. Pass this object to ``FutureBase/removeDoneCallback(_:)`` to remove the
/// callback.
public final class DoneCallback {
    private let body: (FutureBase) throws -> Void

    init(_ body: @escaping (FutureBase) throws -> Void) { self.body = body }

    func run(_ future: FutureBase, on loop: EventLoop) {
        do {
            try body(future)
        } catch {
            loop.handleUncaught(error) {
                loop.callExceptionHandler(
                    ExceptionContext(
                        message: "Exception in done callback", error: error, subject: future.description,
                        task: (future as? AnyAsyncTask)?.name))
            }
        }
    }
}
