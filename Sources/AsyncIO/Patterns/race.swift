/// Runs several bodies as tasks; the first that ends decides, with its value or its error.
/// The others are cancelled and waited for.
///
/// Cancelling the task that waits cancels them all.
///
/// - Throws: what the first throws; ``ValueError`` if there is none; `CancellationError`.
public func race<T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ bodies: (() async throws -> T)...
) async throws -> T {
    try await firstCompleted(bodies.map { createTask(isolation: isolation, fileID: fileID, line: line, $0) })
}

/// Runs `body` as a task for each of `items`; the first that ends decides.
///
/// ```swift
/// let page = try await race(mirrors) { mirror in try await fetch(mirror) }
/// ```
public func race<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> T {
    try await firstCompleted(createTasks(items, isolation: isolation, fileID: fileID, line: line, body))
}

/// Waits until the first of several tasks or futures has ended; cancels the others and
/// waits for them.
///
/// - Returns: the value of the first; of those that ended in the same turn, the first in
///   the order given.
/// - Throws: what the first throws; ``ValueError`` if there is none; `CancellationError`,
///   after all were cancelled.
public nonisolated(nonsending) func firstCompleted<A: Awaitable>(_ futures: some Sequence<A>) async throws -> A.Value {
    let futures = Array(futures)
    let first: A?
    do {
        first = try await wait(futures, returnWhen: .firstCompleted).done.first
    } catch {
        try await cancelAndJoin(futures)
        throw error
    }
    try await cancelAndJoin(futures)
    guard let first else { throw RuntimeError("no task has ended") }
    return try first.result()
}

/// Cancels what has not ended and waits for it, whatever is cancelled meanwhile: a request
/// that comes while it waits is thrown when all have ended. Errors of theirs are dropped.
nonisolated(nonsending) func cancelAndJoin(_ futures: [some FutureBase]) async throws {
    for future in futures where !future.isDone { future.cancel() }
    try await join(futures)
}

/// Waits until all have ended; see ``cancelAndJoin(_:)``.
nonisolated(nonsending) func join(_ futures: [some FutureBase]) async throws {
    var cancellation: (any Error)?
    for future in futures {
        while !future.isDone {
            let waiter = Waiter(for: "a task that was cancelled to end")
            let callback = future.onDone { _ in waiter.complete() }
            do {
                try await waiter.wait(ignoresNativeCancellation: true)
            } catch {
                future.forget(callback)
                cancellation = error
            }
        }
        future.isErrorRetrieved = true
    }
    if let cancellation { throw cancellation }
}
