internal import AsyncIOSystem

extension EventLoop {
    /// Whether ``runForever()`` or `runUntilComplete` is running the loop.
    ///
    /// asyncio: `loop.is_running`.
    public var isRunning: Bool { state == .running }

    /// Whether ``close()`` has been called.
    ///
    /// asyncio: `loop.is_closed`.
    public var isClosed: Bool { state == .closed }

    /// Runs the loop until ``stop()`` is called. Callbacks that are still queued when the loop stops stay queued for
    /// the next run.
    ///
    /// - Throws: ``RuntimeError`` if this loop is already running or closed, another loop is running on this thread, or
    ///   another thread is running the loop of the process; ``KeyboardInterrupt`` as soon as a callback or a task
    ///   throws it; ``OSError`` if the poller fails.
    ///
    /// asyncio: `loop.run_forever`.
    public func runForever() throws { try run(until: { false }) }

    /// Stops the loop after the current turn. If the loop is not running, the next run ends after one turn.
    ///
    /// asyncio: `loop.stop`.
    public func stop() {
        assertUsable("stop")
        isStopping = true
    }

    /// Runs the loop until a future has ended.
    ///
    /// - Parameter future: The task or future to wait for.
    /// - Returns: The value of the future.
    /// - Throws: The error of the future; ``RuntimeError`` if the loop is stopped before the future has ended; the same
    ///   errors as ``runForever()``.
    ///
    /// asyncio: `loop.run_until_complete`.
    @discardableResult
    public func runUntilComplete<A: Awaitable>(_ future: A) throws -> A.Value {
        try checkCanRun()
        try whileCurrent {
            let stop = future.onDone { _ in self.stop() }
            defer { future.forget(stop) }
            do {
                try run(until: { false })
            } catch {
                // The caller gets the error that ended the run, so the future's error is not reported.
                if future.isDone { future.isErrorRetrieved = true }
                throw error
            }
        }
        guard future.isDone else { throw RuntimeError("Event loop stopped before Future completed.") }
        // Reading the result of a cancelled future accesses the loop.
        return try whileCurrent { try future.result() }
    }

    /// Runs the loop until a new task that executes `body` has ended.
    ///
    /// - Parameter body: The body of the task.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; the same errors as `runUntilComplete(_:)` with a future.
    ///
    /// asyncio: `loop.run_until_complete`, given a coroutine.
    @discardableResult
    public func runUntilComplete<T>(_ body: @escaping @MainActor () async throws -> T) throws -> T {
        try checkCanRun()
        return try runUntilComplete(makeMainTask(body))
    }

    /// Creates a task with a main-actor body from outside the loop.
    func makeMainTask<T>(name: String? = nil, _ body: @escaping @MainActor () async throws -> T) -> AsyncTask<T> {
        whileCurrent {
            let task = AsyncTask<T>(name: name, site: nil)
            // SAFETY: the task is created here and runs on this thread, in the run that follows; the annotation only
            // informs the compiler.
            nonisolated(unsafe) let unsafeTask = task
            Task { @MainActor in
                let task = unsafe unsafeTask
                guard task.begin() else { return }
                do { task.end(with: .success(try await body())) } catch { task.end(with: .failure(error)) }
            }
            return task
        }
    }

    /// Closes the loop permanently, and drops queued callbacks and timers. Tasks that have not ended are reported to
    /// the exception handler, and never continue. Closing a closed loop has no effect.
    ///
    /// - Throws: ``RuntimeError`` if the loop is running.
    ///
    /// asyncio: `loop.close`.
    public func close() throws(RuntimeError) {
        if home != nil, EventLoop.here !== self {
            throw RuntimeError("this event loop is closed by its own thread; use EventLoopThread.shutDown(within:)")
        }
        assertUsable("close")
        switch state {
        case .closed: return
        case .running: throw RuntimeError("Cannot close a running event loop")
        case .idle: break
        }
        state = .closed
        forgetEverything()
    }

    // MARK: Inside

    /// Releases everything that the loop retains, and reports the tasks that will stay suspended forever.
    func forgetEverything() {
        endGuests()
        leftTasks = tasks.count
        if leftTasks > 0, abandonsTasks { AbandonedTasks.add(tasks.all.filter { !$0.isDone }, of: self) }
        for task in tasks.all {
            callExceptionHandler(
                ExceptionContext(
                    message: "Task was destroyed but it is pending!", subject: task.description, task: task.name,
                    location: task.site?.description))
            task.forgetCallbacks()
        }
        tasks.removeAll()
        timers.removeAll()
        descriptors.removeAll()
        for component in components { component.loopWillClose() }
        (observers, stepObservers) = ([], [])
        releaseJobs()
        // The poller is closed now, not when the last reference to the loop is released.
        poller.close()
        // The handler may retain something that retains the loop.
        exceptionHandler = nil
        LateReports.finish()
    }

    func run(until isDone: () -> Bool) throws {
        try checkCanRun()
        beginRun()
        // A loop on its own thread accepts jobs until it is closed.
        let outer = home == nil ? whileCurrent { LoopExecutor.shared.beginRunning(self) } : nil
        serveMainQueue()
        for component in components { component.runWillBegin() }
        defer {
            for component in components { component.runDidEnd() }
            if home == nil { LoopExecutor.shared.endRunning(returningTo: outer) }
            endRun()
        }
        whileCurrent {
            // The first part of an `async` main function may have left handovers. Usually, handovers run after an
            // entry, but no entry has run yet.
            runHandOvers()
            // The items that were posted before the loop ran are available when it begins.
            inbox.take(atMost: .max, receive)
            repeat { turn() } while !isStopping && escaping == nil && !isDone()
        }
        if let interrupt = escaping.take() { throw interrupt }
    }

    func beginRun() {
        state = .running
        isStalled = false
        thread = Thread.number
        LoopRegistry.beginRunning(self)
    }

    func endRun() {
        LoopRegistry.endRunning(self)
        state = .idle
        isStopping = false
    }

    func checkCanRun() throws(RuntimeError) {
        if home != nil, EventLoop.here !== self {
            throw RuntimeError(
                "this event loop is run by its own thread; use EventLoopThread.run { } to run code there")
        }
        if state == .closed { throw RuntimeError("Event loop is closed") }
        if state == .running { throw RuntimeError("This event loop is already running") }
        if let here = EventLoop.here, here !== self || here.state == .running {
            throw RuntimeError("Cannot run the event loop while another loop is running")
        }
        if home == nil, EventLoop.here == nil, LoopExecutor.shared.isRunning {
            throw RuntimeError(
                "another thread is running the event loop of the process; use loop.submit { } to run code on it, or "
                    + "an EventLoopThread to run another loop")
        }
    }

    /// Runs a few turns without waiting, so that recently closed objects can report that they are closed.
    func settle() throws {
        var turns = 0
        while !ready.isEmpty, turns < 4 {
            turns += 1
            try run(until: { true })
        }
    }

    /// Passes the loop's remaining jobs to the enclosing loop or the next loop. Jobs belong to the runtime and must not
    /// be dropped. The jobs of a loop on its own thread stay with its executor.
    private func releaseJobs() {
        for entry in ready.removeAll() {
            if case .job(let job) = entry, !AbandonedTasks.contain(job) { release(.job(job)) }
            if case .handle(let handle) = entry, case .job(let job) = handle.action, !AbandonedTasks.contain(job) {
                LoopExecutor.shared.adopt(.job(job))
            }
        }
        for item in inbox.close() {
            switch item {
            case .job, .timer: release(item)
            case .handle: break
            }
        }
    }

    private func release(_ item: Inbox.Item) {
        guard let home else { return LoopExecutor.shared.adopt(item) }
        switch item {
        case .job(let job): home.object.runLate(job)
        case .timer(let timer): LoopExecutor.shared.adopt(.job(timer.job))
        case .handle: break
        }
    }
}
