/// A shared task that several other tasks wait for. When all of the waiting tasks have been cancelled, the shared task
/// is cancelled. Use this class only on the loop's thread.
final class SharedWork<Value> {
    private let task: AsyncTask<Value>
    private let whenEnded: (SharedWork, Value?) -> Void
    private var waiting = 0
    /// Whether the task was cancelled because no task was waiting for it.
    private var isAbandoned = false

    /// - Parameter whenEnded: A function that is called once, with the value, or with nil if the work failed or was
    ///   abandoned. Work is abandoned when no task is waiting for it. After this call, no task may begin to wait for
    ///   the work.
    init(_ task: AsyncTask<Value>, whenEnded: @escaping (SharedWork, Value?) -> Void) {
        self.task = task
        self.whenEnded = whenEnded
        task.onDone { [self] _ in
            if !isAbandoned { whenEnded(self, try? self.task.result()) }
        }
    }

    /// Waits for the result.
    ///
    /// - Throws: The error of the task; ``RuntimeError`` if the task waits for itself; `CancellationError` if the
    ///   waiting task is cancelled.
    func value(for purpose: StaticString) async throws -> Value {
        if task.isCurrent { try await task.awaitSelf() }
        waiting += 1
        defer { waiting -= 1 }
        if !task.isDone {
            let waiter = Waiter(for: purpose, on: task)
            let callback = task.onDone { _ in waiter.complete() }
            do {
                try await waiter.wait()
            } catch {
                task.forget(callback)
                if waiting == 1, !task.isDone { abandon() }
                throw error
            }
        }
        return try task.result()
    }

    private func abandon() {
        isAbandoned = true
        task.cancel()
        whenEnded(self, nil)
    }
}
