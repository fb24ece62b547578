/// A running `async` body: it was handed to the loop with ``createTask(name:eager:isolation:fileID:line:_:)``
/// and runs whenever what it waits for is there.
///
/// The loop keeps a task until it ends. If it ends with an error that nobody asks
/// for, the error goes to the loop's exception handler.
///
/// asyncio: `asyncio.Task`.
public final class AsyncTask<Value>: AnyAsyncTask, Awaitable {
    @usableFromInline @safe @exclusivity(unchecked) var storedValue: Value?

    override init(name: String?, site: CreationSite?) {
        super.init(name: name, site: site)
    }

    @usableFromInline
    static func make(name: String?, site: CreationSite) -> AsyncTask {
        AsyncTask(name: name, site: site)
    }

    public func result() throws -> Value {
        if let storedValue { return storedValue }
        try throwEnd()
    }

    public nonisolated(nonsending) var value: Value {
        get async throws {
            if !isDone {
                if EventLoop.required(for: "await").carriers.current?.object.visible === self { try await awaitSelf() }
                try await park()
            }
            if let storedValue { return storedValue }
            try throwEnd()
        }
    }

    /// A task that waits for itself would wait for ever.
    private nonisolated(nonsending) func awaitSelf() async throws {
        try await yieldToLoop()
        throw RuntimeError("Task cannot await on itself: \(name)")
    }

    /// The task's body returned or threw. Called by its carrier, last.
    @usableFromInline
    func end(with result: Result<Value, any Error>) {
        leaveCarrier(backTo: nil)
        switch result {
        case .success(let value):
            if mustCancel {
                endCancelledLate()
            } else {
                storedValue = value
                end(as: .finished)
            }
        case .failure(is CancellationError): endCancelled()
        case .failure(let error): endFailed(error)
        }
    }
}
