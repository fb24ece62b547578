import AsyncIO
public import Dispatch

/// What `work` computes on a queue, if it is done in time.
///
/// Nothing tells the queue that nobody waits any more: the work goes on, and its result is dropped.
public func onQueue<T: Sendable>(
    _ queue: DispatchQueue, within limit: Duration, _ work: @escaping @Sendable () -> T
) async throws -> T {
    // A bare continuation ignores cancellation. So a task waits for it, and `shield` for the
    // task: that wait can be given up.
    let task = createTask {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
    return try await waitFor(timeout: limit) { try await shield(task) }
}
