internal import AsyncIOSystem
internal import DequeModule

/// A pool of threads for blocking and CPU-intensive work.
///
/// Code runs on the loop unless you pass it to the pool. Pass synchronous functions with ``toThread(isolation:_:)``,
/// and `async` functions with `withTaskExecutorPreference(ThreadPool.shared) { await heavy() }`, where `heavy` is
/// nonisolated (`@concurrent`). The pool of the process, ``shared``, has at most `min(32, processors + 4)` threads,
/// which are started on demand.
///
/// Work that could occupy the shared pool for a long time, such as calls to a slow library, should have its own pool:
///
/// ```swift
/// let pool = ThreadPool(threads: 2)
/// defer { pool.shutdown() }
/// let image = try await toThread(on: pool) { try decode(bytes) }
/// ```
///
/// asyncio: `concurrent.futures.ThreadPoolExecutor`.
public final class ThreadPool: TaskExecutor {
    /// The pool of this process.
    ///
    /// asyncio: the loop's default executor.
    public static let shared = ThreadPool(limit: min(32, Thread.processorCount + 4))

    private struct State {
        var jobs = Deque<UnownedJob>()
        /// The gates of the waiting threads. The last gate belongs to the thread that began to wait most recently.
        var idle: [ThreadGate] = []
        var threads = 0
        var isShutDown = false
    }

    private let state = Guarded(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Creates a pool. The threads are started when they are needed.
    ///
    /// - Parameter threads: The maximum number of threads.
    /// - Precondition: `threads` is at least 1. For a number that is known only at run time, use
    ///   ``init(validatingThreads:)``.
    ///
    /// asyncio: `ThreadPoolExecutor(max_workers)`.
    public convenience init(threads: Int) {
        if threads < 1 { stop(Self.message(threads), instead: "ThreadPool(validatingThreads:)") }
        self.init(limit: threads)
    }

    /// Creates a pool from a number that is known only at run time; see ``init(threads:)``.
    ///
    /// - Throws: ``ValueError`` if `threads` is less than 1.
    public convenience init(validatingThreads threads: Int) throws(ValueError) {
        guard threads >= 1 else { throw ValueError(Self.message(threads)) }
        self.init(limit: threads)
    }

    private static func message(_ threads: Int) -> String { "threads must be at least 1, got \(threads)" }

    /// Makes the threads end as soon as they have no work left. Calling this method again has no effect.
    ///
    /// You can still use the pool after this call. A thread is started for the new work, and ends after that work.
    /// Without this call, the threads of a pool stay alive and wait for work. The shared pool ignores this call.
    ///
    /// asyncio: `ThreadPoolExecutor.shutdown(wait=False)`.
    public func shutdown() {
        guard self !== Self.shared else { return }
        let idle = state.withLock { state in
            state.isShutDown = true
            defer { state.idle = [] }
            return state.idle
        }
        for gate in idle { gate.open() }
    }

    /// Runs a job of the Swift runtime on a thread of the pool.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let (waker, number) = state.withLock { state -> (ThreadGate?, Int?) in
            state.jobs.append(job)
            if let gate = state.idle.popLast() { return (gate, nil) }
            guard state.threads < limit else { return (nil, nil) }
            state.threads += 1
            return (nil, state.threads)
        }
        waker?.open()
        if let number { startThread(number) }
    }

    private func startThread(_ number: Int) {
        do {
            try Thread.start(named: "asyncio_\(number - 1)") { self.work() }
        } catch {
            // The system cannot start another thread. The other threads take the job. If there are
            // none, it runs here.
            let job = state.withLock { state -> UnownedJob? in
                state.threads -= 1
                return state.threads == 0 ? state.jobs.popLast() : nil
            }
            if let job { run(job) }
        }
    }

    private func work() {
        let gate = ThreadGate()
        while true {
            let (job, isOver) = state.withLock { state -> (UnownedJob?, Bool) in
                if let job = state.jobs.popFirst() { return (job, false) }
                if state.isShutDown { state.threads -= 1 } else { state.idle.append(gate) }
                return (nil, state.isShutDown)
            }
            if isOver { return }
            if let job { run(job) } else { gate.wait() }
        }
    }

    private func run(_ job: UnownedJob) {
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
