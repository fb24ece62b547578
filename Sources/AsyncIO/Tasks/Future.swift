/// A type that a task can wait for: a ``Future`` or an ``AsyncTask``.
///
/// asyncio: an awaitable.
public protocol Awaitable<Value>: FutureBase {
    /// The type of the value.
    associatedtype Value

    /// The value of the future. Reading this property waits until the future ends. If the future has already ended, the
    /// current task does not suspend.
    ///
    /// - Throws: The error that the future ended with; `CancellationError` if the future was cancelled. If the waiting
    ///   task is cancelled, the future is also cancelled.
    var value: Value { get async throws }

    /// Returns the value without waiting.
    ///
    /// - Throws: The error that the future ended with; ``InvalidStateError`` if the future has not ended;
    ///   `CancellationError` if the future was cancelled.
    ///
    /// asyncio: `Future.result`.
    func result() throws -> Value
}

extension Awaitable {
    /// Calls `callback` in the turn after the future ends, or in the next turn if the future has already ended. An
    /// error that the callback throws goes to the loop's exception handler.
    ///
    /// - Parameter callback: A closure that receives the future.
    /// - Returns: A token for ``FutureBase/removeDoneCallback(_:)``.
    ///
    /// asyncio: `Future.add_done_callback`.
    @discardableResult
    public func addDoneCallback(_ callback: @escaping (Self) throws -> Void) -> DoneCallback {
        let callback = EventLoop.boundToHost(CallerContext.bind(taking: callback))
        return onDone { [unowned self] _ in try callback(self) }
    }
}

/// A placeholder for a value or an error that is set later.
///
/// ```swift
/// let future = Future<Int>()
/// try loop.callLater(.seconds(1)) { try future.setResult(42) }
/// print(try await future.value)
/// ```
///
/// A future can also serve as a channel for one value. One task sets the result, and another task awaits ``value``. If
/// the awaiting task is cancelled, the future is also cancelled. After the cancellation, ``FutureBase/isDone`` is true,
/// and ``setResult(_:)`` throws an error in the task that calls it.
///
/// asyncio: `asyncio.Future`. tokio, as a channel: `oneshot`.
public class Future<Value>: FutureBase, Awaitable {
    @usableFromInline @safe @exclusivity(unchecked) final var storedValue: Value?

    /// Creates a pending future.
    ///
    /// asyncio: `loop.create_future`.
    public override init() {
        super.init()
        _ = EventLoop.withHere { if $0.debug { noteMaker() } }
    }

    /// Ends the future with a value.
    ///
    /// - Throws: ``InvalidStateError`` if the future has already ended.
    /// - Complexity: O(*n*), where *n* is the number of callbacks and waiting tasks.
    ///
    /// asyncio: `Future.set_result`.
    @inlinable
    public final func setResult(_ value: Value) throws(InvalidStateError) {
        guard !isDone else { throw hasEndedAlready() }
        succeed(value)
    }

    /// Ends the future with an error. If the error is never retrieved, it goes to the loop's exception handler when the
    /// future is released.
    ///
    /// - Throws: ``InvalidStateError`` if the future has already ended.
    /// - Complexity: O(*n*), where *n* is the number of callbacks and waiting tasks.
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

    /// Returns the value without waiting.
    ///
    /// - Throws: The error that the future ended with; ``InvalidStateError`` if the future has not ended;
    ///   `CancellationError` if the future was cancelled.
    ///
    /// asyncio: `Future.result`.
    @inlinable
    public final func result() throws -> Value {
        if let storedValue { return storedValue }
        try throwEnd()
    }

    /// The value of the future. Reading this property waits until the future ends. If the future has already ended, the
    /// current task does not suspend.
    ///
    /// - Throws: The error that the future ended with; `CancellationError` if the future was cancelled. If the waiting
    ///   task is cancelled, the future is also cancelled.
    ///
    /// asyncio: `await future`.
    @inlinable
    public final var value: Value {
        get async throws {
            if !isDone { try await waitForEnd() }
            if let storedValue { return storedValue }
            try throwEnd()
        }
    }
}
