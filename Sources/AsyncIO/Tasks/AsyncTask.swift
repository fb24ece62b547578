/// A running `async` body: it was handed to the loop with ``createTask(name:eager:isolation:fileID:line:_:)``
/// and runs whenever what it waits for is there.
///
/// The loop keeps a task until it ends. If it ends with an error that nobody asks
/// for, the error goes to the loop's exception handler.
///
/// asyncio: `asyncio.Task`.
public final class AsyncTask<Value>: AnyAsyncTask, Awaitable {
    @usableFromInline @safe @exclusivity(unchecked) var storedValue: Value?

    // What has to do with the value is inlinable, and no more than that: it is specialised
    // in the user's module, where the value's type is known.

    @inlinable
    override init(name: String?, site: CreationSite?) {
        storedValue = nil
        super.init(name: name, site: site)
    }

    @inlinable
    public func result() throws -> Value {
        if let storedValue { return storedValue }
        try throwEnd()
    }

    @inlinable
    public nonisolated(nonsending) var value: Value {
        get async throws {
            if !isDone {
                if isCurrent { try await awaitSelf() }
                try await waitForEnd()
            }
            if let storedValue { return storedValue }
            try throwEnd()
        }
    }

    /// The task's body returned or threw. Called by its carrier, last.
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
