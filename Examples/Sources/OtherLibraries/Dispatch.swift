import AsyncIO
public import Dispatch

/// The result of `work` on a queue, if it is available in time.
///
/// Otherwise, the queue finishes the work, and its result is discarded.
public func onQueue<T: Sendable>(
    _ queue: DispatchQueue, within limit: Duration, _ work: @escaping @Sendable () -> T
) async throws -> T {
    // A continuation ignores cancellation. So a task waits for it, and `shield` waits for the
    // task: this wait can be cancelled.
    let task = createTask {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
    return try await waitFor(timeout: limit) { try await shield(task) }
}
