internal import AsyncIOSystem
internal import DequeModule

/// The process's pool of threads for work that blocks or computes.
///
/// Code runs on the loop unless you pass it to the pool: functions with ``toThread(isolation:_:)``,
/// and `async` functions with `withTaskExecutorPreference(ThreadPool.shared) { await heavy() }`, where
/// `heavy` is nonisolated (`@concurrent`). The pool has at most `min(32, processors + 4)` threads.
/// They are started on demand and never end.
///
/// asyncio: `concurrent.futures.ThreadPoolExecutor`.
public final class ThreadPool: TaskExecutor {
    /// The pool of this process.
    ///
    /// asyncio: the loop's default executor.
    public static let shared = ThreadPool(limit: min(32, Thread.processorCount + 4))

    private struct State {
        var jobs = Deque<UnownedJob>()
        /// The gates of waiting threads, the latest last.
        var idle: [ThreadGate] = []
        var threads = 0
    }

    private let state = Guarded(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Runs a job of the Swift runtime on one of the threads.
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
            let job = state.withLock { state -> UnownedJob? in
                if let job = state.jobs.popFirst() { return job }
                state.idle.append(gate)
                return nil
            }
            if let job { run(job) } else { gate.wait() }
        }
    }

    private func run(_ job: UnownedJob) {
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
