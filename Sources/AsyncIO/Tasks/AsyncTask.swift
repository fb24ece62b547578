/// A task that runs an `async` body on the loop; see ``createTask(name:eager:isolation:fileID:line:_:)``.
///
/// The loop retains a task until the task ends. If the task ends with an error that is never retrieved, the error goes
/// to the loop's exception handler.
///
/// asyncio: `asyncio.Task`.
public final class AsyncTask<Value>: AnyAsyncTask, Awaitable {
    @usableFromInline @safe @exclusivity(unchecked) var storedValue: Value?

    // Only the code that involves the value is inlinable. This code is specialized in the user's module, where the type
    // of the value is known.

    @inlinable
    override init(name: String?, site: CreationSite?) {
        storedValue = nil
        super.init(name: name, site: site)
    }

    /// Returns the value of the task without waiting.
    ///
    /// - Throws: The error that the task ended with; ``InvalidStateError`` if the task has not ended;
    ///   `CancellationError` if the task was cancelled.
    ///
    /// asyncio: `Task.result`.
    @inlinable
    public func result() throws -> Value {
        if let storedValue { return storedValue }
        try throwEnd()
    }

    /// The value of the task. Reading this property waits until the task ends. If the task has already ended, the
    /// current task does not suspend.
    ///
    /// - Throws: The error that the task ended with; `CancellationError` if the task was cancelled; ``RuntimeError`` if
    ///   a task awaits itself. If the waiting task is cancelled, this task is also cancelled.
    ///
    /// asyncio: `await task`.
    @inlinable
    public var value: Value {
        get async throws {
            if !isDone {
                if isCurrent { try await awaitSelf() }
                try await waitForEnd()
            }
            if let storedValue { return storedValue }
            try throwEnd()
        }
    }

    /// Ends the task after its body has returned or thrown an error. The task's carrier calls this method last.
    @inlinable
    func end(with result: Result<Value, any Error>) {
        leaveCarrier(backTo: nil)
        switch result {
        case .success(let value):
            storedValue = value
            if !endSucceeded() { storedValue = nil }
        case .failure(let error): endThrowing(error)
        }
    }
}
