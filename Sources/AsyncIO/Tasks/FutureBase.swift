// Every wait in this library is a wait for a future: a task's value, a timer, a
// lock's turn, a queue's item, a socket's bytes. This file holds what a future is
// besides its value; Suspension.swift tells how a task waits for one.

/// What every future and task is, whatever its value: a state that changes once,
/// and callbacks that learn of it.
///
/// asyncio: `asyncio.Future`.
public class FutureBase {
    @usableFromInline
    enum State: UInt8 { case pending, finished, failed, cancelled }

    // All of this belongs to the loop's thread, as the class is not Sendable and
    // whoever makes or awaits one is checked to be there.
    @usableFromInline @safe @exclusivity(unchecked) final var state = State.pending
    /// Whether somebody saw the error; if not, it is reported when the future goes.
    @safe @exclusivity(unchecked) final var isErrorRetrieved = true
    /// Whether a shield reports the error already; see shield.swift.
    @safe @exclusivity(unchecked) final var isWatchedByShield = false
    /// What the structure of the loop that keeps this future notes in it: a task's place in
    /// the TaskList, a sleep's age in the TimerHeap.
    @safe @exclusivity(unchecked) final var tag: UInt32 = 0
    /// The first callback, which mostly is the only one, needs no array.
    @safe @exclusivity(unchecked) private final var first = Callback.none
    /// What few have.
    @safe @exclusivity(unchecked) final var extras: FutureExtras?

    enum Callback {
        case none
        /// A task that waits, or a plain Swift task if there is no logical one.
        case wake(UnownedJob, UnretainedTask?)
        case call(DoneCallback)
    }

    init() {}

    deinit {
        if !isErrorRetrieved { reportLostError() }
    }

    // MARK: State

    /// Whether the future has a value, an error, or was cancelled.
    @inlinable
    public final var isDone: Bool { state != .pending }

    /// Whether the future was cancelled.
    public final var isCancelled: Bool { state == .cancelled }

    /// The error that the future ended with, or nil if it ended with a value.
    ///
    /// - Throws: ``InvalidStateError`` if it has not ended; `CancellationError` if it
    ///   was cancelled.
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

    /// Whether whoever looks gets a `CancellationError`: it was cancelled, or holds one as
    /// its error, as the future of a `gather` does.
    final var endedInCancellation: Bool {
        state == .cancelled || (state == .failed && failure is CancellationError)
    }

    /// The error, which counts as seen from now on.
    final func takeError() -> (any Error)? {
        isErrorRetrieved = true
        return failure
    }

    // MARK: Ending

    /// Cancels the future: whoever waits for it gets a `CancellationError`.
    ///
    /// - Parameter message: a word to those who wait; see ``AnyAsyncTask/cancelMessage``.
    /// - Returns: false if it has ended already.
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

    // What passes requests to cancel on overrides these; see PassingRequests.swift.

    /// Whether it passes requests on.
    var passesRequestsOn: Bool { false }

    /// Takes a request to cancel: whether it is met; nil if it is to be passed on.
    func receiveRequest(_ message: String?) -> Bool? { cancel(message) }

    /// Those that a request is passed on to.
    func target(_ index: Int) -> FutureBase? { nil }

    /// The request was passed on, and one of the targets accepted it or none did.
    func passedOn(_ wasAccepted: Bool, _ message: String?) -> Bool { wasAccepted }

    final func fail(_ error: any Error) {
        failure = error
        isErrorRetrieved = false
        complete(as: .failed)
    }

    /// Changes the state and queues the callbacks, in the order they registered.
    @usableFromInline
    final func complete(as end: State) {
        state = end
        switch first {
        case .none:
            // Nobody to tell: the loop is not touched, so that nothing else would notice.
            if !EventLoop.withHere({ _ in }) { EventLoop.assertNoneElsewhere(for: "Completing a future") }
        case .wake(let job, let task):
            first = .none
            EventLoop.withRequired(for: "Completing a future") { loop in
                loop.ready.append(.wake(job, task))
                if extras != nil { queueOthers(on: loop) }
            }
        case .call(let callback):
            first = .none
            EventLoop.withRequired(for: "Completing a future") { loop in
                loop.ready.append(.done(self, callback))
                if extras != nil { queueOthers(on: loop) }
            }
        }
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

    /// Calls `body` in the turn after the future has ended; in the next turn if it
    /// has already.
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

    /// Lets go of all callbacks, and of what they hold: the future will never end.
    final func forgetCallbacks() {
        first = .none
        if extras != nil { others = [] }
    }

    /// Takes a callback back, if it was not queued yet. True if it was there.
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

    /// Forgets that a task waits, and returns its job.
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

    /// What the object is, for a person.
    public var description: String { "Future (\(stateDescription))" }

    /// The object as something that a task waits for.
    var waitDescription: String { description }

    /// What a wait for this is a wait for, if that is an object of its own: a lock, say.
    var waitSubject: AnyObject? { nil }

    /// The tasks and futures whose end this waits for.
    var awaited: [FutureBase] { (waitSubject as? any AwaitingOthers)?.awaited ?? [] }

    /// The tasks that wait for this to end.
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

    /// The words of the report, and where the task was made.
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

    /// Cancelled: the message for the one who waits. A task overrides this: it
    /// hands its message to the first reader only.
    func takeMessage() -> String? { storedMessage }
}

extension FutureBase: CustomStringConvertible {}

@available(*, unavailable, message: "a future belongs to its loop's thread; hand work over with loop.submit { }")
extension FutureBase: Sendable {}

/// A callback that waits for a future to end, and the token that takes it back.
public final class DoneCallback {
    private let body: (FutureBase) throws -> Void

    init(_ body: @escaping (FutureBase) throws -> Void) { self.body = body }

    func run(_ future: FutureBase, on loop: EventLoop) {
        do {
            try body(future)
        } catch let interrupt as KeyboardInterrupt {
            loop.escaping = interrupt
        } catch {
            loop.callExceptionHandler(
                ExceptionContext(
                    message: "Exception in done callback", error: error, subject: future.description,
                    task: (future as? AnyAsyncTask)?.name))
        }
    }
}
