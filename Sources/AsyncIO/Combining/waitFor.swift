/// Waits for a task or future, but no longer than `timeout`.
///
/// When `timeout` has passed, the task or future is cancelled. This function waits until the task or future has ended,
/// however long that takes. If the task or future still ends with a value, this function returns the value, unless
/// `lateResult` is ``LateResult/discard``.
///
/// - Parameters:
///   - future: The task or future to wait for.
///   - timeout: The maximum time to wait, or `nil` for no limit.
///   - lateResult: An option for a future that ends with a value or with its own error after the time limit.
/// - Returns: The value of the task or future.
/// - Throws: ``TimeoutError`` if the time limit was exceeded; otherwise, the error of the future. If the waiting task
///   is cancelled, the future is also cancelled, and this function throws `CancellationError`.
///
/// asyncio: `asyncio.wait_for`.
@discardableResult
public func waitFor<A: Awaitable>(
    _ future: A, timeout: Duration?, lateResult: LateResult = .keep, fileID: StaticString = #fileID,
    line: UInt = #line
) async throws -> A.Value {
    let limit = TimeLimit(timeout, lateResult, CreationSite(fileID: fileID, line: line))
    if let timeout, timeout <= .zero {
        if future.isDone { return try future.result() }
        try await cancelAndWait(future)
        return try limit.lateResult(of: future)
    }
    // This waits only for a future of this library, so no carrier is needed.
    guard let task = runningTask() else { return try await waitForPlain(future, limit) }
    let scope = Timeout(limit, isNative: false)
    scope.enter(task)
    let value: A.Value
    do { value = try await future.value } catch { throw scope.leave(error) ?? error }
    if let error = scope.leave(nil) { throw error }
    return value
}

extension TimeLimit {
    /// Returns the result of a future that was cancelled at the time limit.
    fileprivate func lateResult<A: Awaitable>(of future: A) throws -> A.Value {
        let value: A.Value
        do { value = try future.result() } catch {
            throw lateResult == .discard || CancellationErrors.contain(error) ? self.error(error) : error
        }
        if lateResult == .discard { throw error() }
        return value
    }
}

/// Runs `body` in the current task, but no longer than `timeout`.
///
/// If the timeout is zero or negative, the body does not start.
///
/// - Parameters:
///   - timeout: The maximum duration of the body, or `nil` for no limit.
///   - lateResult: An option for a body that returns a value or throws its own error after the time limit.
///   - body: The work to perform.
/// - Returns: The value that `body` returns.
/// - Throws: ``TimeoutError`` if the time limit ended the body; otherwise, the error that `body` throws. If the current
///   task is cancelled, the body is also cancelled, and its `CancellationError` is thrown.
///
/// asyncio: `asyncio.wait_for` with a coroutine.
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

/// Takes the same number of turns as asyncio, which creates a task for the body, cancels the task, and waits for it.
@usableFromInline
func neverStarted() async throws {
    try await cancelAndWait(createTask {})
}

/// Implements `waitFor` in a plain Swift task, where only the future can be cancelled.
private func waitForPlain<A: Awaitable>(
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

/// Cancels a future and waits until it has ended. This is asyncio's `_cancel_and_wait`.
func cancelAndWait(_ future: FutureBase) async throws {
    let waiter = Waiter(for: "waitFor()", on: future)
    let callback = future.onDone { _ in waiter.complete() }
    defer { future.forget(callback) }
    future.cancel()
    try await waiter.wait()
}
