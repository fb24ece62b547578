internal import Synchronization

/// Runs a function that blocks or computes on a thread, and waits for it; the loop goes
/// on meanwhile.
///
/// Task-local values are those of the caller. Cancelling the task that waits ends the
/// wait: work that has not begun is dropped; work that runs goes on to its end, and its
/// result is dropped.
///
/// - Throws: what `work` throws; `CancellationError`.
///
/// asyncio: `asyncio.to_thread`.
public func toThread<T>(
    isolation: isolated (any Actor)? = #isolation, _ work: @escaping @Sendable () throws -> sending T
) async throws -> T {
    let future: Future<T> = try EventLoop.required(for: "toThread").runInExecutor(work)
    do {
        return try await future.value
    } catch {
        future.isErrorRetrieved = true
        throw error
    }
}

extension EventLoop {
    /// Runs a function on the thread pool; its result comes as a future.
    ///
    /// Cancelling the future drops work that has not begun; work that runs goes on to its
    /// end, and its result is dropped.
    ///
    /// - Throws: ``RuntimeError`` if the loop is closed, or was told to
    ///   ``shutdownDefaultExecutor(timeout:)``.
    ///
    /// asyncio: `loop.run_in_executor(None, work)`.
    public func runInExecutor<T>(
        _ work: @escaping @Sendable () throws -> sending T
    ) throws(RuntimeError) -> Future<T> {
        try checkOpen("runInExecutor")
        if isExecutorShutDown { throw RuntimeError("Executor shutdown has been called") }
        let future = ExecutorFuture<T>()
        outstandingForeignWork += 1
        let report = ForeignReport(loop: self, future: future)
        let cancellation = future.cancellation
        // A Swift task, for its task-local values; the pool runs it.
        Task(executorPreference: threadPool) {
            guard !cancellation.isCancelled else { return report.send(nil) }
            do {
                report.send(.success(try work()))
            } catch {
                report.send(.failure(error))
            }
        }
        return future
    }

    /// Waits until the work that threads do for this loop has ended. They take no more
    /// from now on.
    ///
    /// `run { }` and ``Runner/close()`` do it last, and wait for five minutes.
    ///
    /// - Parameter timeout: how long to wait at most; then a warning is logged.
    ///
    /// asyncio: `loop.shutdown_default_executor`.
    public nonisolated(nonsending) func shutdownDefaultExecutor(timeout: Duration? = nil) async throws {
        assertUsable("shutdownDefaultExecutor")
        isExecutorShutDown = true
        guard outstandingForeignWork > 0 else { return }
        let waiter = Waiter(for: "shutdownDefaultExecutor()")
        foreignWorkWaiters.append(waiter)
        let timer = timeout.map { schedule(.complete(waiter), at: time.advanced(by: $0)) }
        defer { timer?.cancel() }
        try await waiter.wait()
        if let timeout, outstandingForeignWork > 0 {
            Self.warn("The executor did not finish joining its threads within \(timeout).")
        }
    }

    func foreignWorkEnded() {
        outstandingForeignWork -= 1
        guard outstandingForeignWork == 0 else { return }
        for waiter in foreignWorkWaiters { waiter.complete() }
        foreignWorkWaiters = []
    }
}

/// The future of work on a thread.
private final class ExecutorFuture<Value>: Future<Value> {
    let cancellation = CancellationFlag()

    override func cancel(_ message: String? = nil) -> Bool {
        guard super.cancel(message) else { return false }
        cancellation.cancel()
        return true
    }
}

/// Tells work that waits for a thread that it is not wanted any more.
private final class CancellationFlag: Sendable {
    private let flag = Atomic(false)
    var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func cancel() { flag.store(true, ordering: .relaxed) }
}

/// Carries a result from a thread to its future.
//
// SAFETY: the thread holds the future but does not touch it; the loop does, when the
// report has arrived. A loop that is closed takes no report: then the future is let go
// by the thread, after everybody else.
private struct ForeignReport<Value>: @unchecked Sendable {
    let loop: EventLoop
    let future: Future<Value>

    func send(_ result: sending Result<Value, any Error>?) {
        let parcel = Parcel(result)
        loop.send(
            .callback { [self] in
                loop.foreignWorkEnded()
                guard !future.isDone else { return }
                switch parcel.value {
                case .success(let value): future.succeed(value)
                case .failure(let error): future.fail(error)
                case nil: break
                }
            })
    }
}

/// A value on its way from one thread to another.
//
// SAFETY: whoever made it gave it away (`sending`), and only the receiver reads it.
struct Parcel<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: sending Value) { self.value = value }
}
