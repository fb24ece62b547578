/// Waits for a task or future, which continues even if the waiting task is cancelled.
///
/// If `inner` fails after the waiting task was cancelled, the error goes to the loop's exception handler.
///
/// - Parameter inner: The task or future to wait for.
/// - Returns: The value of `inner`.
/// - Throws: The error of `inner`; `CancellationError` if the waiting task is cancelled. In that case, `inner`
///   continues.
///
/// asyncio: `asyncio.shield`.
@discardableResult
public func shield<A: Awaitable>(_ inner: A) async throws -> A.Value {
    inner.isDone ? try inner.result() : try await shieldFuture(inner).value
}

/// Runs `body` as a task and waits for that task, which continues even if the waiting task is cancelled.
///
/// - Parameter body: The body of the task.
/// - Returns: The value that `body` returns.
/// - Throws: The error that `body` throws; `CancellationError` if the waiting task is cancelled. In that case, `body`
///   continues, and an error that it throws goes to the loop's exception handler.
///
/// asyncio: `asyncio.shield` with a coroutine.
@discardableResult
public func shield<T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping () async throws -> T
) async throws -> T {
    try await shield(createTask(isolation: isolation, fileID: fileID, line: line, body))
}

/// Returns the future that `shield` waits for. If you cancel this future, `inner` is not cancelled.
///
/// asyncio: `asyncio.shield` without `await`.
public func shieldFuture<A: Awaitable>(_ inner: A) -> Future<A.Value> {
    let outer = ShieldFuture<A.Value>(of: inner)
    guard !inner.isDone else {
        outer.end(like: inner, message: inner.wasCancelled ? inner.takeMessage() : nil)
        return outer
    }
    // The waiting task retains the outer future, which retains the inner one, but not vice versa.
    let copy = inner.onDone { [weak outer, unowned inner] _ in
        // As in asyncio, the message of a cancellation is not passed on.
        if let outer, !outer.isDone { outer.end(like: inner, message: nil) }
    }
    outer.onDone { [unowned outer] _ in outer.hasEnded(copy) }
    return outer
}

/// The outer future of a `shield`, which refers to the shielded future.
private final class ShieldFuture<Value>: Future<Value> {
    private var inner: FutureBase?

    init(of inner: FutureBase) {
        self.inner = inner
        super.init()
    }

    deinit {
        // Shields can be nested, so they are released iteratively.
        var next = inner.take()
        while var last = next.take(), isKnownUniquelyReferenced(&last), let shield = last as? ShieldFuture {
            next = shield.inner.take()
        }
    }

    override var awaited: [FutureBase] { inner.map { [$0] } ?? [] }

    /// Called when the outer future has ended. If the inner future has not ended yet, the outer future was cancelled.
    func hasEnded(_ copy: DoneCallback) {
        defer { inner = nil }
        guard let inner, !inner.isDone else { return }
        inner.forget(copy)
        inner.reportErrorOfShielded()
    }
}

extension Future {
    /// Ends the future in the same way as `inner`.
    fileprivate func end<A: Awaitable<Value>>(like inner: A, message: String?) {
        if inner.wasCancelled {
            cancel(message)
        } else if let error = inner.takeError() {
            storedMessage = inner.storedMessage
            fail(error)
        } else if let value = try? inner.result() {
            succeed(value)
        }
    }
}

extension FutureBase {
    /// Reports an error that occurs after the shielded wait was cancelled. The error is reported only once.
    fileprivate final func reportErrorOfShielded() {
        guard !isWatchedByShield else { return }
        isWatchedByShield = true
        onDone { inner in
            guard let error = inner.takeError() else { return }
            EventLoop.report(
                ExceptionContext(
                    message: "\(type(of: error)) exception in shielded future", error: error,
                    subject: inner.description, task: (inner as? AnyAsyncTask)?.name))
        }
    }
}
