/// Waits for a task or future, for `timeout` at most; nil for no limit.
///
/// When time runs out, it is cancelled and waited for, however long that takes. If it
/// ends with a value all the same, that is returned, unless `lateResult` is ``LateResult/discard``.
///
/// - Throws: ``TimeoutError``; and what the future throws. Cancelling the task that
///   waits cancels the future.
///
/// asyncio: `asyncio.wait_for`.
@discardableResult
public nonisolated(nonsending) func waitFor<A: Awaitable>(
    _ future: A, timeout: Duration?, lateResult: LateResult = .keep, fileID: StaticString = #fileID,
    line: UInt = #line
) async throws -> A.Value {
    let limit = TimeLimit(timeout, lateResult, CreationSite(fileID: fileID, line: line))
    if let timeout, timeout <= .zero {
        if future.isDone { return try future.result() }
        try await cancelAndWait(future)
        return try limit.lateResult(of: future)
    }
    // Nothing but our own future is waited for, so that no carrier is needed.
    guard let task = runningTask() else { return try await waitForPlain(future, limit) }
    let scope = Timeout(limit, isNative: false)
    scope.enter(task)
    let value: A.Value
    do { value = try await future.value } catch { throw scope.leave(error) ?? error }
    if let error = scope.leave(nil) { throw error }
    return value
}

extension TimeLimit {
    /// The result of a future that was cancelled because time had run out.
    fileprivate func lateResult<A: Awaitable>(of future: A) throws -> A.Value {
        let value: A.Value
        do { value = try future.result() } catch {
            throw lateResult == .discard || CancellationErrors.contain(error) ? self.error(error) : error
        }
        if lateResult == .discard { throw error() }
        return value
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
    timeout: Duration?, lateResult: LateResult = .keep, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> T
) async throws -> T {
    if let timeout, timeout <= .zero {
        try await neverStarted()
        throw TimeoutError(limit: timeout, site: CreationSite(fileID: fileID, line: line))
    }
    return try await withTimeout(
        timeout, lateResult: lateResult, isolation: isolation, fileID: fileID, line: line, body)
}

/// asyncio makes a task for the body, cancels it and waits for it; it takes as many turns.
@usableFromInline
nonisolated(nonsending) func neverStarted() async throws {
    try await cancelAndWait(createTask {})
}

/// In a plain Swift task there is nothing to cancel but the future.
private nonisolated(nonsending) func waitForPlain<A: Awaitable>(
    _ future: A, _ limit: TimeLimit
) async throws -> A.Value {
    guard let deadline = limit.deadline else { return try await future.value }
    let loop = EventLoop.required(for: "waitFor")
    var hasExpired = false
    let timer = loop.schedule(
        .callback {
            hasExpired = true
            future.cancel()
        }, at: deadline)
    defer { timer.cancel() }
    do { _ = try await future.value } catch let error where !hasExpired || Task.isCancelled { throw error } catch {}
    return hasExpired ? try limit.lateResult(of: future) : try future.result()
}

/// asyncio's `_cancel_and_wait`.
nonisolated(nonsending) func cancelAndWait(_ future: FutureBase) async throws {
    let waiter = Waiter(for: "waitFor()", on: future)
    let callback = future.onDone { _ in waiter.complete() }
    defer { future.forget(callback) }
    future.cancel()
    try await waiter.wait()
}
