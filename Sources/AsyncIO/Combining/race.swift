/// Runs several closures as tasks and returns the result of the first task that ends, whether the result is a value or
/// an error. The other tasks are cancelled, and the function waits until they have ended.
///
/// If the current task is cancelled, all of the raced tasks are cancelled.
///
/// - Throws: The error of the first task that ends, if that task fails; ``ValueError`` if there are no closures;
///   `CancellationError` if the current task is cancelled. The `CancellationError` is thrown after all of the raced
///   tasks have ended.
///
/// asyncio: `asyncio.wait` with `FIRST_COMPLETED`, followed by the cancellation of the other tasks.
@inlinable
public func race<T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ bodies: (() async throws -> T)...
) async throws -> T {
    try await firstCompleted(bodies.map { createTask(isolation: isolation, fileID: fileID, line: line, $0) })
}

/// Runs `body` as a task for each of `items` and returns the result of the first task that ends, whether the result is
/// a value or an error. The other tasks are cancelled, and the function waits until they have ended.
///
/// ```swift
/// let page = try await race(mirrors) { mirror in try await fetch(mirror) }
/// ```
///
/// If the current task is cancelled, all of the raced tasks are cancelled.
///
/// - Throws: The error of the first task that ends, if that task fails; ``ValueError`` if there are no items;
///   `CancellationError` if the current task is cancelled. The `CancellationError` is thrown after all of the raced
///   tasks have ended.
/// - Complexity: O(*n*), where *n* is the number of items.
///
/// asyncio: `asyncio.wait` with `FIRST_COMPLETED`, followed by the cancellation of the other tasks.
@inlinable
public func race<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> T {
    try await firstCompleted(createTasks(items, isolation: isolation, fileID: fileID, line: line, body))
}

/// Waits until the first of several tasks or futures has ended, cancels the others, and waits until they have ended.
///
/// If the current task is cancelled, all of the raced tasks are cancelled.
///
/// - Returns: The value of the first future that ended. If several futures ended in the same turn, the first of these
///   futures in the given order is used.
/// - Throws: The error of the first future that ended, if that future failed; ``ValueError`` if there are no futures;
///   `CancellationError` if the current task is cancelled. The `CancellationError` is thrown after all of the raced
///   tasks have ended.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.wait` with `FIRST_COMPLETED`, followed by the cancellation of the other tasks.
@inlinable
public func firstCompleted<A: Awaitable>(_ futures: some Sequence<A>) async throws -> A.Value {
    let futures = Array(futures)
    return try await futures[indexOfFirstCompleted(of: futures)].result()
}

/// Waits until one of the futures has ended, cancels the others, and waits for them. Returns the first future of the
/// sequence that had ended.
@usableFromInline
func indexOfFirstCompleted(of futures: [FutureBase]) async throws -> Int {
    let first: Int?
    do {
        try await waitForSome(of: withoutDuplicates(futures), nil, .firstCompleted)
        first = futures.firstIndex { $0.isDone }
    } catch {
        try await cancelAndJoin(futures)
        throw error
    }
    try await cancelAndJoin(futures)
    guard let first else { throw RuntimeError("no task has ended") }
    return first
}

/// Cancels the futures that have not ended and waits until all futures have ended, even if the current task is
/// cancelled in the meantime. In that case, this function throws `CancellationError` after all futures have ended.
/// Errors of the futures are ignored.
func cancelAndJoin(_ futures: [FutureBase]) async throws {
    for future in futures where !future.isDone { future.cancel() }
    try await join(futures)
}

/// Waits until all futures have ended; see ``cancelAndJoin(_:)``.
func join(_ futures: [FutureBase]) async throws {
    let cancellation = await shielded(ignoresNativeCancellation: true) { ignoresNativeCancellation in
        for future in futures where !future.isDone {
            let waiter = Waiter(for: "a cancelled task to end")
            let callback = future.onDone { _ in waiter.complete() }
            defer { future.forget(callback) }
            try await waiter.wait(ignoresNativeCancellation: ignoresNativeCancellation)
        }
    }
    for future in futures { future.isErrorRetrieved = true }
    if let cancellation { throw cancellation.delivered() }
}
