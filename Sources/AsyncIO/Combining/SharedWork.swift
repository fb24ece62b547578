/// A task whose result several tasks wait for. When all of the waiting tasks have been cancelled, the shared task is
/// cancelled. Loop thread only.
final class SharedWork<Value> {
    private let task: AsyncTask<Value>
    private var waiting = 0
    /// Whether the task was cancelled because no task was waiting for it.
    private(set) var isAbandoned = false

    /// - Parameter whenDone: Called with the result, before the waiting tasks continue, unless the work is abandoned.
    init(_ task: AsyncTask<Value>, whenDone: @escaping (SharedWork, Result<Value, any Error>) -> Void) {
        self.task = task
        task.onDone { [self] _ in
            if !isAbandoned { whenDone(self, Result { try self.task.result() }) }
        }
    }

    /// Waits for the result.
    ///
    /// - Throws: The error of the task; `CancellationError` if the waiting task is cancelled.
    func value(for purpose: StaticString) async throws -> Value {
        waiting += 1
        defer { waiting -= 1 }
        if !task.isDone {
            let waiter = Waiter(for: purpose, on: task)
            let callback = task.onDone { _ in waiter.complete() }
            do {
                try await waiter.wait()
            } catch {
                task.forget(callback)
                if waiting == 1, !task.isDone {
                    isAbandoned = true
                    task.cancel()
                }
                throw error
            }
        }
        return try task.result()
    }
}
