/// Something that a task can wait for: a ``Future`` or an ``AsyncTask``.
///
/// asyncio: an awaitable.
public protocol Awaitable<Value>: FutureBase {
    associatedtype Value

    /// Waits until it has ended, and returns its value or throws its error. Does
    /// not suspend if it has ended already. Cancelling the task that waits cancels
    /// what it waits for.
    nonisolated(nonsending) var value: Value { get async throws }

    /// The value, without waiting.
    ///
    /// - Throws: the error it ended with; ``InvalidStateError`` if it has not ended;
    ///   `CancellationError` if it was cancelled.
    ///
    /// asyncio: `Future.result`.
    func result() throws -> Value
}

extension Awaitable {
    /// Calls `callback` in the turn after this has ended; in the next turn if it has
    /// already. An error that it throws goes to the loop's exception handler.
    ///
    /// - Returns: the token for ``removeDoneCallback(_:)``.
    ///
    /// asyncio: `Future.add_done_callback`.
    @discardableResult
    public func addDoneCallback(_ callback: @escaping (Self) throws -> Void) -> DoneCallback {
        let callback = CallerContext.bind(taking: callback)
        return onDone { [unowned self] _ in try callback(self) }
    }

    /// Takes a callback back.
    ///
    /// - Returns: how many were removed: 1, or 0 if it was called or removed before.
    ///
    /// asyncio: `Future.remove_done_callback`.
    @discardableResult
    public func removeDoneCallback(_ callback: DoneCallback) -> Int {
        forget(callback) ? 1 : 0
    }
}

/// A value that comes later, set by whoever has it.
///
/// ```swift
/// let future = Future<Int>()
/// try loop.callLater(.seconds(1)) { try future.setResult(42) }
/// print(try await future.value)
/// ```
///
/// asyncio: `asyncio.Future`.
public class Future<Value>: FutureBase, Awaitable {
    @usableFromInline @safe @exclusivity(unchecked) final var storedValue: Value?

    /// A future that has not ended.
    public override init() {
        super.init()
        _ = EventLoop.withHere { if $0.debug { noteMaker() } }
    }

    /// Ends the future with a value.
    ///
    /// - Throws: ``InvalidStateError`` if it has ended already.
    ///
    /// asyncio: `Future.set_result`.
    @inlinable
    public final func setResult(_ value: Value) throws(InvalidStateError) {
        guard !isDone else { throw hasEndedAlready() }
        succeed(value)
    }

    /// Ends the future with an error. If nobody ever asks for it, it is reported to
    /// the exception handler when the future goes.
    ///
    /// - Throws: ``InvalidStateError`` if it has ended already.
    ///
    /// asyncio: `Future.set_exception`.
    public final func setError(_ error: any Error) throws(InvalidStateError) {
        guard !isDone else { throw hasEndedAlready() }
        fail(error)
    }

    @inlinable
    final func succeed(_ value: Value) {
        storedValue = value
        complete(as: .finished)
    }

    @inlinable
    public final func result() throws -> Value {
        if let storedValue { return storedValue }
        try throwEnd()
    }

    @inlinable
    public nonisolated(nonsending) final var value: Value {
        get async throws {
            if !isDone { try await waitForEnd() }
            if let storedValue { return storedValue }
            try throwEnd()
        }
    }
}

extension FutureBase {
    @usableFromInline
    final func hasEndedAlready() -> InvalidStateError {
        InvalidStateError("the future has ended already: \(stateDescription)")
    }

    /// Throws what a future without a value ended with, or that it has not.
    @usableFromInline
    final func throwEnd() throws -> Never {
        switch state {
        case .cancelled: try throwCancellation()
        case .failed:
            let error = takeError() ?? RuntimeError("the error of a failed future is missing")
            if error is CancellationError { try throwCancellation() }
            throw error
        case .pending, .finished: throw InvalidStateError("Result is not set.")
        }
    }

    /// Throws the cancellation that a future ended with; if a task is running, it remembers
    /// the message.
    final func throwCancellation() throws -> Never {
        let message = takeMessage()
        runningTask()?.deliveredMessage = message
        throw CancellationError()
    }
}
