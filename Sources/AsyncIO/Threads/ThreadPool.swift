internal import AsyncIOSystem
internal import DequeModule

/// The process's threads for work that blocks or computes.
///
/// Everything runs on the loop unless it is handed over: with ``toThread(isolation:_:)``, or for `async`
/// functions with `withTaskExecutorPreference(threadPool) { await heavy() }`, where
/// `heavy` is nonisolated (`@concurrent`). At most `min(32, processors + 4)` threads,
/// started when there is work and kept.
///
/// asyncio: the loop's default executor.
public let threadPool = ThreadPool(limit: min(32, Thread.processorCount + 4))

/// A pool of threads; see ``threadPool``.
public final class ThreadPool: TaskExecutor {
    private struct State {
        var jobs = Deque<UnownedJob>()
        /// Threads that wait on their eventfd-like gate, latest first.
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
            // The system has no thread to give. The others take the job; if there are
            // none, it runs right here, late rather than never.
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
