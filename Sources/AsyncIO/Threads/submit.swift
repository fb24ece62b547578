internal import AsyncIOSystem

extension EventLoop {
    /// Runs `body` as a task on this loop. You can call this method from any thread.
    ///
    /// - Returns: A future for the result, which the calling thread can wait for. Cancelling the future cancels the
    ///   task. If the loop is closed, the future fails with a ``RuntimeError``.
    ///
    /// asyncio: `asyncio.run_coroutine_threadsafe`.
    @discardableResult
    public func submit<T: Sendable>(
        _ body: @escaping @MainActor @Sendable () async throws -> T
    ) -> ConcurrentFuture<T> {
        let future = ConcurrentFuture<T>(loop: self)
        guard home == nil else {
            future.end(
                .failure(
                    RuntimeError(
                        "the main actor does not run on this event loop; use submit { } of its EventLoopThread")))
            return future
        }
        let promise = Promise(future)
        let context = CallerContext()
        post(
            .callback { [self] in
                guard !promise.future.isCancelled else { return promise.future.end(.failure(CancellationError())) }
                promise.keep(context.run { makeMainTask(body) })
            })
        return future
    }
}

/// An object that is retained by the code that will complete a future. When a loop is closed, the loop releases the
/// object. The future then fails, so that no task or thread waits forever.
final class Promise<Value: Sendable>: Sendable {
    let future: ConcurrentFuture<Value>
    init(_ future: ConcurrentFuture<Value>) { self.future = future }
    deinit { future.end(.failure(RuntimeError("Event loop is closed"))) }

    /// Passes the result of a task to the future, and the cancellation of the future to the task. Call this method only
    /// on the loop's thread.
    func keep(_ task: AsyncTask<Value>) {
        task.onDone { _ in self.future.end(Result { try task.result() }) }
        future.onCancel { task.cancel() }
    }
}

/// The result of a task on an event loop, for use on other threads.
///
/// asyncio: `concurrent.futures.Future`.
public final class ConcurrentFuture<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var isCancelled = false
        /// A closure that cancels the task, or nil if the task does not exist yet. The closure runs on the loop.
        var cancelTask: Parcel<() -> Void>?
        var waiters: [ThreadGate] = []
        var continuations: [Continuation] = []
    }

    private let state = Guarded(State())
    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    /// Whether the task has ended or was cancelled.
    ///
    /// asyncio: `concurrent.futures.Future.done`.
    public var isDone: Bool { state.withLock { $0.result != nil } }

    /// Whether ``cancel()`` was called before the task ended.
    ///
    /// asyncio: `concurrent.futures.Future.cancelled`.
    public var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Blocks the calling thread until the task has ended, and returns the value of the task.
    ///
    /// - Parameter timeout: The maximum time to wait; `nil` for no limit. After a timeout, the task keeps running.
    /// - Returns: The value of the task.
    /// - Throws: The error of the task; ``RuntimeError`` if an event loop is running on this thread, or the loop of the
    ///   task was closed; ``TimeoutError`` if the task does not end within `timeout`; `CancellationError` if the task
    ///   was cancelled.
    ///
    /// asyncio: `concurrent.futures.Future.result`.
    public func wait(
        timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) throws -> Value {
        if isDone { return try outcome() }
        if EventLoop.here != nil {
            throw RuntimeError("ConcurrentFuture.wait() would block the event loop; await `value` instead")
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

    /// The value of the task. Reading this property waits until the task has ended, without blocking a thread.
    ///
    /// Cancelling the waiting task does not end the wait. To cancel the task itself, use
    /// ``cancel()``.
    ///
    /// - Throws: The error of the task; ``RuntimeError`` if the loop of the task was closed;
    ///   `CancellationError` if the task was cancelled.
    ///
    /// asyncio: `asyncio.wrap_future`.
    public var value: Value {
        get async throws {
            await waitForEnd()
            return try outcome()
        }
    }

    /// The result of the task. Reading this property waits until the task has ended.
    package var result: Result<Value, any Error> {
        get async {
            await waitForEnd()
            return Result { try outcome() }
        }
    }

    private func waitForEnd() async {
        await unsafe withUnsafeContinuation { continuation in
            let continuation = unsafe Continuation(continuation)
            let isDone = state.withLock { state in
                if state.result == nil { state.continuations.append(continuation) }
                return state.result != nil
            }
            if isDone { continuation.resume() }
        }
        Continuation.wasResumed()
    }

    private func outcome() throws -> Value {
        guard let result = state.withLock({ $0.result }) else { throw InvalidStateError("Result is not set.") }
        return try result.get()
    }

    /// Cancels the task.
    ///
    /// - Returns: `true` if the task had not ended.
    ///
    /// asyncio: `concurrent.futures.Future.cancel`.
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
        // SAFETY: created and called on the loop's thread.
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
