/// Waits for a task or future, for `timeout` at most; nil for no limit.
///
/// When time runs out, it is cancelled and waited for, however long that takes. If it
/// ends with a value all the same, that is returned.
///
/// - Throws: ``TimeoutError``; and what the future throws. Cancelling the task that
///   waits cancels the future.
///
/// asyncio: `asyncio.wait_for`.
@discardableResult
public nonisolated(nonsending) func waitFor<A: Awaitable>(_ future: A, timeout: Duration?) async throws -> A.Value {
    if let timeout, timeout <= .zero {
        if future.isDone { return try future.result() }
        try await cancelAndWait(future)
        do {
            return try future.result()
        } catch is CancellationError {
            throw TimeoutError()
        }
    }
    // Nothing but our own future is waited for, so that no carrier is needed.
    guard let task = runningTask() else { return try await waitForPlain(future, timeout: timeout) }
    let scope = Timeout(deadline: timeoutDeadline(timeout), isNative: false)
    scope.enter(task)
    do {
        let value = try await future.value
        _ = scope.leave(nil)
        return value
    } catch {
        throw scope.leave(error) ?? error
    }
}

/// Runs `body` in the current task, for `timeout` at most; nil for no limit.
///
/// With a timeout of zero or less the body does not start.
///
/// - Throws: ``TimeoutError``; and what the body throws.
///
/// asyncio: `asyncio.wait_for`, given a coroutine.
@inlinable
@discardableResult
public func waitFor<T>(
    timeout: Duration?, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: () async throws -> T
) async throws -> T {
    if let timeout, timeout <= .zero {
        try await neverStarted()
        throw TimeoutError()
    }
    return try await withTimeout(timeout, isolation: isolation, fileID: fileID, line: line, body)
}

/// asyncio makes a task for the body, cancels it and waits for it; it takes as many turns.
@usableFromInline
nonisolated(nonsending) func neverStarted() async throws {
    try await cancelAndWait(createTask {})
}

/// In a plain Swift task there is nothing to cancel but the future.
private nonisolated(nonsending) func waitForPlain<A: Awaitable>(
    _ future: A, timeout: Duration?
) async throws -> A.Value {
    guard let timeout else { return try await future.value }
    let loop = EventLoop.required(for: "waitFor")
    var hasExpired = false
    let timer = loop.schedule(
        .callback {
            hasExpired = true
            future.cancel()
        }, at: loop.time.advanced(by: timeout))
    defer { timer.cancel() }
    do {
        return try await future.value
    } catch is CancellationError where hasExpired && !Task.isCancelled {
        throw TimeoutError()
    }
}

/// asyncio's `_cancel_and_wait`.
nonisolated(nonsending) func cancelAndWait(_ future: FutureBase) async throws {
    let waiter = Waiter(for: "waitFor()", on: future)
    let callback = future.onDone { _ in waiter.complete() }
    defer { future.forget(callback) }
    future.cancel()
    try await waiter.wait()
}
