/// Waits for a task or future without cancelling it: if the task that waits is cancelled,
/// the wait ends, and what it waited for runs on.
///
/// An error that comes after nobody waits any more goes to the exception handler.
///
/// - Throws: what the future throws; `CancellationError`.
///
/// asyncio: `asyncio.shield`.
@discardableResult
public nonisolated(nonsending) func shield<A: Awaitable>(_ inner: A) async throws -> A.Value {
    inner.isDone ? try inner.result() : try await shieldFuture(inner).value
}

/// Runs `body` as a task and waits for it without cancelling it.
///
/// asyncio: `asyncio.shield`, given a coroutine.
@discardableResult
public func shield<T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping () async throws -> T
) async throws -> T {
    try await shield(createTask(isolation: isolation, fileID: fileID, line: line, body))
}

/// The future that `shield` waits for: cancelling it does not cancel `inner`.
///
/// asyncio: `asyncio.shield` without `await`.
public func shieldFuture<A: Awaitable>(_ inner: A) -> Future<A.Value> {
    let outer = ShieldFuture<A.Value>(of: inner)
    guard !inner.isDone else {
        outer.end(like: inner, message: inner.isCancelled ? inner.takeMessage() : nil)
        return outer
    }
    // Who waits holds the outer future, which holds the inner one; not the other way round.
    let copy = inner.onDone { [weak outer, unowned inner] _ in
        // The message of a cancellation stays inside, as asyncio has it.
        if let outer, !outer.isDone { outer.end(like: inner, message: nil) }
    }
    outer.onDone { [unowned outer] _ in outer.hasEnded(copy) }
    return outer
}

/// What `shield` waits for, which knows what that stands for.
private final class ShieldFuture<Value>: Future<Value> {
    private var inner: FutureBase?

    init(of inner: FutureBase) {
        self.inner = inner
        super.init()
    }

    deinit {
        // A shield may be of a shield, and so on: let go of one after the other.
        var next = inner.take()
        while var last = next.take(), isKnownUniquelyReferenced(&last), let shield = last as? ShieldFuture {
            next = shield.inner.take()
        }
    }

    override var awaited: [FutureBase] { inner.map { [$0] } ?? [] }

    /// It has ended, by its own cancellation if the inner one has not.
    func hasEnded(_ copy: DoneCallback) {
        defer { inner = nil }
        guard let inner, !inner.isDone else { return }
        inner.forget(copy)
        inner.reportErrorOfShielded()
    }
}

extension Future {
    /// Ends as `inner` did.
    fileprivate func end<A: Awaitable<Value>>(like inner: A, message: String?) {
        if inner.isCancelled {
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
    /// Reports an error that comes when nobody waits any more, once.
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
