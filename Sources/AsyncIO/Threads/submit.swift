internal import AsyncIOSystem

extension EventLoop {
    /// Runs `body` as a task on this loop; may be called from any thread.
    ///
    /// - Returns: a future that the calling thread may wait for.
    ///
    /// asyncio: `asyncio.run_coroutine_threadsafe`.
    @discardableResult
    public func submit<T: Sendable>(
        _ body: @escaping @MainActor @Sendable () async throws -> T
    ) -> ConcurrentFuture<T> {
        let future = ConcurrentFuture<T>(loop: self)
        let promise = Promise(future)
        let context = CallerContext()
        post(
            .callback { [self] in
                guard !promise.future.isCancelled else { return promise.future.end(.failure(CancellationError())) }
                let task = context.run { makeMainTask(body) }
                task.onDone { _ in promise.future.end(Result { try task.result() }) }
                promise.future.onCancel { task.cancel() }
            })
        return future
    }
}

/// Held by whoever is to end the future. A loop that is closed lets go of it, and nobody waits
/// for ever.
private final class Promise<Value: Sendable>: Sendable {
    let future: ConcurrentFuture<Value>
    init(_ future: ConcurrentFuture<Value>) { self.future = future }
    deinit { future.end(.failure(RuntimeError("Event loop is closed"))) }
}

/// The result of a task on a loop, for another thread.
///
/// asyncio: `concurrent.futures.Future`.
public final class ConcurrentFuture<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var isCancelled = false
        /// What cancels the task, once there is one; runs on the loop.
        var cancelTask: Parcel<() -> Void>?
        var waiters: [ThreadGate] = []
        var continuations: [Continuation] = []
    }

    private let state = Guarded(State())
    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    /// Whether the task has ended, or was cancelled.
    public var isDone: Bool { state.withLock { $0.result != nil } }

    /// Whether ``cancel()`` was called in time.
    public var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Blocks this thread until the task has ended; returns its value or throws its error.
    ///
    /// - Parameter timeout: how long to wait at most; the task goes on after it.
    /// - Throws: ``RuntimeError`` if the loop's own thread would have to wait for itself;
    ///   ``TimeoutError``; `CancellationError` if the task was cancelled.
    ///
    /// asyncio: `concurrent.futures.Future.result`.
    public func wait(
        timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) throws -> Value {
        if isDone { return try outcome() }
        if EventLoop.here != nil {
            throw RuntimeError("ConcurrentFuture.wait() would block the event loop; await its value instead")
        }
        let gate = ThreadGate()
        let mustWait = state.withLock { state in
            if state.result == nil { state.waiters.append(gate) }
            return state.result == nil
        }
        if mustWait, !gate.wait(timeout: timeout?.roundedUpNanoseconds) {
            state.withLock { state in state.waiters.removeAll { $0 === gate } }
            throw TimeoutError(limit: timeout, site: CreationSite(fileID: fileID, line: line))
        }
        return try outcome()
    }

    /// Waits for the task without blocking a thread.
    public var value: Value {
        get async throws {
            await unsafe withUnsafeContinuation { continuation in
                let continuation = unsafe Continuation(continuation)
                let isDone = state.withLock { state in
                    if state.result == nil { state.continuations.append(continuation) }
                    return state.result != nil
                }
                if isDone { continuation.resume() }
            }
            return try outcome()
        }
    }

    private func outcome() throws -> Value {
        guard let result = state.withLock({ $0.result }) else { throw InvalidStateError("Result is not set.") }
        return try result.get()
    }

    /// Cancels the task; returns false if it has ended already.
    @discardableResult
    public func cancel() -> Bool {
        let isFirst = state.withLock { state in
            guard state.result == nil else { return false }
            state.isCancelled = true
            return true
        }
        guard isFirst else { return false }
        let accepted = loop.post(
            .callback { [self] in
                if let cancelTask = state.withLock({ $0.cancelTask.take() }) {
                    cancelTask.value()
                } else {
                    end(.failure(CancellationError()))
                }
            })
        if !accepted { end(.failure(CancellationError())) }
        return true
    }

    // MARK: The loop's side

    func onCancel(_ cancelTask: @escaping () -> Void) {
        // SAFETY: made and called on the loop's thread.
        nonisolated(unsafe) let cancelTask = cancelTask
        state.withLock { unsafe $0.cancelTask = Parcel(cancelTask) }
    }

    func end(_ result: Result<Value, any Error>) {
        let (waiters, continuations) = state.withLock { state in
            guard state.result == nil else { return ([ThreadGate](), [Continuation]()) }
            state.result = result
            state.cancelTask = nil
            defer {
                state.waiters = []
                state.continuations = []
            }
            return (state.waiters, state.continuations)
        }
        for waiter in waiters { waiter.open() }
        for continuation in continuations { continuation.resume() }
    }
}
