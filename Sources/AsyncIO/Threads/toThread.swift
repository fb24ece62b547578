internal import Synchronization

/// Runs a blocking or CPU-intensive function on a thread of the shared pool, and waits for the result without blocking
/// the loop.
///
/// The function has the task-local values of the caller. If the task is cancelled, the wait ends. Work that has not
/// started is dropped. Work that is already running continues, but its result is dropped.
///
/// - Returns: The value that `work` returns.
/// - Throws: The errors of `work`; ``RuntimeError`` if ``EventLoop/shutdownDefaultExecutor(timeout:)`` has been called;
///   `CancellationError` if the task is cancelled.
///
/// asyncio: `asyncio.to_thread`.
public func toThread<T>(
    isolation: isolated (any Actor)? = #isolation, _ work: @escaping @Sendable () throws -> sending T
) async throws -> T {
    try await toThread(on: .shared, isolation: isolation, work)
}

/// Runs a blocking or CPU-intensive function on a thread of the given pool; see ``toThread(isolation:_:)``.
///
/// ```swift
/// let limiter = CapacityLimiter(4)
/// let rows = try await toThread(on: .shared, limiter: limiter, abandonOnCancel: false) { try database.query(text) }
/// ```
///
/// - Parameters:
///   - pool: The pool whose thread runs the function.
///   - limiter: The limit on the number of functions that run at the same time. The limit applies to all calls with the
///     same limiter. A function counts toward the limit until it has returned, even if its caller has stopped waiting.
///   - abandonOnCancel: Whether the wait ends if the task is cancelled. If this parameter is `false`, the caller always
///     waits for the function. Use `false` if the function uses an object that the caller closes afterward.
///   - work: The function.
/// - Returns: The value that `work` returns.
/// - Throws: The errors of `work`; ``RuntimeError`` if ``EventLoop/shutdownDefaultExecutor(timeout:)`` has been called;
///   `CancellationError` if the task is cancelled. If `abandonOnCancel` is `true`, the cancellation error is thrown at
///   once. Otherwise, it is thrown when the function has ended.
///
/// asyncio: `loop.run_in_executor(pool, work)`. trio: `to_thread.run_sync`, with `abandon_on_cancel` and `limiter`.
public func toThread<T>(
    on pool: ThreadPool, limiter: CapacityLimiter? = nil, abandonOnCancel: Bool = true,
    isolation: isolated (any Actor)? = #isolation, _ work: @escaping @Sendable () throws -> sending T
) async throws -> T {
    try await limiter?.acquire()
    let future: Future<T>
    do {
        future = try EventLoop.required(for: "toThread").run(on: pool, whenEnded: { limiter?.release() }, work)
    } catch {
        limiter?.release()
        throw error
    }
    do {
        if !abandonOnCancel { try await join([future]) }
        return try await future.value
    } catch {
        future.isErrorRetrieved = true
        throw error
    }
}

extension EventLoop {
    /// Runs a function on the thread pool.
    ///
    /// Cancelling the returned future drops work that has not started. Work that is already running continues, but its
    /// result is dropped.
    ///
    /// - Returns: A future for the result.
    /// - Throws: ``RuntimeError`` if the loop is closed, or if ``shutdownDefaultExecutor(timeout:)`` has been called.
    ///
    /// asyncio: `loop.run_in_executor(None, work)`.
    public func runInExecutor<T>(
        _ work: @escaping @Sendable () throws -> sending T
    ) throws(RuntimeError) -> Future<T> {
        try run(on: .shared, work)
    }

    /// Runs a function on a thread of the given pool.
    ///
    /// - Parameter whenEnded: A closure that is called on the loop when the work has returned or was dropped.
    fileprivate func run<T>(
        on pool: ThreadPool, whenEnded: @escaping () -> Void = {}, _ work: @escaping @Sendable () throws -> sending T
    ) throws(RuntimeError) -> Future<T> {
        try checkOpen("runInExecutor")
        if foreignWork.isShutDown { throw RuntimeError("Executor shutdown has been called") }
        let future = ExecutorFuture<T>()
        foreignWork.noteStart()
        let report = ForeignReport(loop: self, future: future, whenEnded: whenEnded)
        let cancellation = future.cancellation
        // A Swift task, so that it has the task-local values. The pool runs it.
        Task(executorPreference: pool) {
            guard !cancellation.isCancelled else { return report.send(nil) }
            do {
                report.send(.success(try work()))
            } catch {
                report.send(.failure(error))
            }
        }
        return future
    }

    /// Waits until all of this loop's work on threads has ended. After this method is called, threads no longer accept
    /// work from this loop.
    ///
    /// `run { }` and ``Runner/close()`` call this method last, with a timeout of five minutes.
    ///
    /// - Parameter timeout: The maximum time to wait; `nil` for no limit. If the work does not end in time, a warning
    ///   is logged.
    /// - Throws: `CancellationError` if the task is cancelled while it waits. After a cancellation, the executor stays
    ///   shut down.
    ///
    /// asyncio: `loop.shutdown_default_executor`.
    public func shutdownDefaultExecutor(timeout: Duration? = nil) async throws {
        assertUsable("shutdownDefaultExecutor")
        let work = foreignWork
        work.isShutDown = true
        try await work.waitForEnd(until: timeout.map { time.advanced(by: $0) })
        if let timeout, work.isBusy {
            Self.warn("The executor did not finish joining its threads within \(timeout).")
        }
    }
}

/// A future for work on a thread.
private final class ExecutorFuture<Value>: Future<Value> {
    let cancellation = CancellationFlag()

    override func cancel(_ message: String? = nil) -> Bool {
        guard super.cancel(message) else { return false }
        cancellation.cancel()
        return true
    }
}

/// A flag that prevents work from running if the work has not started.
private final class CancellationFlag: Sendable {
    private let flag = Atomic(false)
    var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func cancel() { flag.store(true, ordering: .relaxed) }
}

/// An object that carries a result from a thread to its future.
//
// SAFETY: the thread retains the future but does not touch it. The loop uses it once the report has
// arrived. A closed loop receives no reports. The thread then releases the future, after everything
// else has released it.
private struct ForeignReport<Value>: @unchecked Sendable {
    let loop: EventLoop
    let future: Future<Value>
    let whenEnded: () -> Void

    func send(_ result: sending Result<Value, any Error>?) {
        let parcel = Parcel(result)
        loop.send(
            .callback { [self] in
                loop.foreignWork.noteEnd()
                whenEnded()
                guard !future.isDone else { return }
                switch parcel.value {
                case .success(let value): future.succeed(value)
                case .failure(let error): future.fail(error)
                case nil: break
                }
            })
    }
}

/// A value that one thread passes to another thread.
//
// SAFETY: the creator has given the value away (`sending`), and only the receiver reads it.
struct Parcel<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: sending Value) { self.value = value }
}
