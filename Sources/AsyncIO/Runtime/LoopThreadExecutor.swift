internal import AsyncIOSystem

// # The executor of a loop on its own thread
//
// A loop of the process receives its jobs through SPI (ExecutorSPI.swift). A loop on its own thread is an actor
// executor instead, which is public API. Actors return it as their `unownedExecutor`, and the runtime passes their jobs
// to it. No executor is installed for the whole process.
//
// ## Ownership
//
// `UnownedSerialExecutor` retains nothing. Jobs come from actors with this executor, and an actor is retained as long
// as one of its jobs exists. Therefore, it is sufficient that each such actor retains this object. An EventLoopThread
// retains it, and an actor of the program retains its EventLoopThread. The loop's thread also retains the executor, and
// the executor retains the loop. Only the program and its tasks retain the EventLoopThread, so the program can release
// it.
//
// ## Jobs after the end
//
// A loop that has ended can still receive jobs, when a method of an actor on it is called, or when a task that did not
// end in time continues. The runtime cannot refuse a job, and if a job is dropped, its caller waits forever. Therefore,
// the job runs on a thread that is started for it. The closed loop is the current loop on this thread, and executes
// turns until nothing is ready. Code that only computes, such as a method that returns a property, works as before.
// Waits fail, and tasks are cancelled, because nothing that they could wait for can happen.

/// The serial executor of a loop that runs on its own thread. Any thread can use it.
@usableFromInline
actor LoopThreadExecutor: SerialExecutor {
    nonisolated let loop: EventLoop
    private nonisolated let late = Guarded(Late())

    private struct Late {
        var jobs: [UnownedJob] = []
        /// Whether a thread is running the loop, or is running jobs that arrived after the loop ended.
        var hasThread = true
    }

    init(_ loop: EventLoop) {
        self.loop = loop
        loop.home = Unretained(self)
        // Jobs are accepted before the thread runs.
        loop.inbox.beginRunning()
    }

    @usableFromInline
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    // MARK: Jobs

    @usableFromInline
    nonisolated func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if AbandonedTasks.contain(job) { return }
        if isHere {
            return loop.ready.append(.job(job))
        }
        if !loop.send(.job(job)) { runLate(job) }
    }

    @inline(__always)
    nonisolated func runSynchronously(_ job: UnownedJob) { unsafe job.runSynchronously(on: unownedExecutor) }

    // MARK: Isolation

    @inline(__always)
    private nonisolated var isHere: Bool { unsafe ThreadState.loop == Unretained(loop).pointer }

    /// Returns true on the loop's thread. Returns nil on other threads, so that `checkIsolated` can print its message.
    @usableFromInline
    nonisolated func isIsolatingCurrentContext() -> Bool? { isHere ? true : nil }

    @usableFromInline
    nonisolated func checkIsolated() {
        guard !isHere else { return }
        fatalError(
            """
            code of an actor on EventLoopThread "\(loop.name)" was called on another thread; use await, or \
            EventLoopThread.run { }
            """)
    }

    /// Calls `body`, isolated to this executor. Call this method only on the loop's thread.
    nonisolated func assume<T>(_ body: (isolated any Actor) -> T) -> T {
        checkIsolated()
        return unsafe LoopHome(actor: self).assume(body)
    }

    // MARK: After the end

    /// Runs a job that arrives after the loop has stopped accepting jobs.
    nonisolated func runLate(_ job: UnownedJob) {
        let mustStart = late.withLock { late in
            late.jobs.append(job)
            defer { late.hasThread = true }
            return !late.hasThread
        }
        guard mustStart else { return }
        if let guest = loop.guest { return guest.runOutside { [self] in runLateJobs() } }
        do {
            try Thread.start(named: loop.name) { self.runLateJobs() }
        } catch {
            // The system cannot start another thread.
            runLateJobs()
        }
    }

    /// Drops the jobs that the loop had when its program was killed in a simulation. Later jobs run as usual.
    nonisolated func dropLateJobs() {
        late.withLock { late in
            late.jobs = []
            late.hasThread = false
        }
    }

    /// Runs the jobs that arrived after the loop ended. Only this thread uses the loop now.
    nonisolated func runLateJobs() {
        while true {
            let jobs = late.withLock { late -> [UnownedJob] in
                defer { late.jobs = [] }
                if late.jobs.isEmpty { late.hasThread = false }
                return late.jobs
            }
            if jobs.isEmpty { return }
            loop.runAfterEnd(jobs)
        }
    }
}

extension EventLoop {
    /// The maximum number of times that the task of a late job is cancelled if it catches the cancellation and waits
    /// again.
    private static let mostCancellations = 100

    /// Runs jobs on a closed loop, until the jobs would have to wait.
    fileprivate func runAfterEnd(_ jobs: [UnownedJob]) {
        whileCurrent {
            for job in jobs { ready.append(.job(job)) }
            for _ in 0..<Self.mostCancellations {
                while !ready.isEmpty { runReady() }
                let left = tasks.all
                if left.isEmpty { break }
                for task in left { task.cancel("Event loop is closed") }
                if ready.isEmpty { break }
            }
            escaping = nil
        }
    }
}
