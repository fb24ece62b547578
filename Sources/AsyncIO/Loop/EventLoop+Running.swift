internal import AsyncIOSystem

extension EventLoop {
    /// Whether the loop is inside `runForever` or `runUntilComplete`.
    public var isRunning: Bool { state == .running }

    /// Whether `close()` was called.
    public var isClosed: Bool { state == .closed }

    /// Runs until ``stop()`` is called. What is queued then stays queued for the
    /// next run.
    ///
    /// - Throws: ``RuntimeError`` if this loop or another one is running already, or
    ///   if it is closed; ``KeyboardInterrupt`` as soon as a callback or a task throws it.
    ///
    /// asyncio: `loop.run_forever`.
    public func runForever() throws { try run(until: { false }) }

    /// Ends the run after the present turn. Before a run: lets it make one turn.
    ///
    /// asyncio: `loop.stop`.
    public func stop() {
        assertUsable("stop")
        isStopping = true
    }

    /// Runs until the future has ended, and returns its value or throws its error.
    ///
    /// - Throws: ``RuntimeError`` if the loop is running or closed already, or is
    ///   stopped before the future ends; and what the future throws.
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
                // What escapes says it all.
                if future.isDone { future.isErrorRetrieved = true }
                throw error
            }
        }
        guard future.isDone else { throw RuntimeError("Event loop stopped before Future completed.") }
        // Reading the end of a cancelled future looks at the loop.
        return try whileCurrent { try future.result() }
    }

    /// Runs `body` as a task until it has ended, and returns its value or throws
    /// its error.
    ///
    /// asyncio: `loop.run_until_complete`, given a coroutine.
    @discardableResult
    public func runUntilComplete<T>(_ body: @escaping @MainActor () async throws -> T) throws -> T {
        try checkCanRun()
        return try runUntilComplete(makeMainTask(body))
    }

    /// A task for a main-actor body, made from outside of the loop.
    func makeMainTask<T>(name: String? = nil, _ body: @escaping @MainActor () async throws -> T) -> AsyncTask<T> {
        whileCurrent {
            let task = AsyncTask<T>(name: name, site: nil)
            // SAFETY: the task is made here and runs on this thread, in the run
            // that follows; the box only tells the compiler so.
            nonisolated(unsafe) let unsafeTask = task
            Task { @MainActor in
                let task = unsafe unsafeTask
                guard task.begin() else { return }
                do { task.end(with: .success(try await body())) } catch { task.end(with: .failure(error)) }
            }
            return task
        }
    }

    /// Ends the loop for good: what is queued is dropped, callbacks and timers are
    /// forgotten. A task that has not ended is reported to the exception handler; it never
    /// will. Calling it again does nothing.
    ///
    /// - Throws: ``RuntimeError`` if the loop is running.
    ///
    /// asyncio: `loop.close`.
    public func close() throws(RuntimeError) {
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

    /// Lets go of all that the loop holds, and names the tasks that it leaves suspended for
    /// ever.
    func forgetEverything() {
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
        #if Metrics
            metricsReport?.cancel()
        #endif
        timers.removeAll()
        descriptors.removeAll()
        signals.removeAll()
        for child in children.values { child.loopIsClosed() }
        children = [:]
        files?.close()
        files = nil
        releaseJobs()
        // At once, and not when the last one who holds the loop lets it go.
        poller.close()
        // It may hold what holds the loop.
        exceptionHandler = nil
        LateReports.finish()
    }

    func run(until isDone: () -> Bool) throws {
        try checkCanRun()
        state = .running
        isStalled = false
        let outer = whileCurrent { LoopExecutor.shared.beginRunning(self) }
        serveMainQueue()
        Watchdog.shared.beginWatching(self)
        defer {
            Watchdog.shared.endWatching(self)
            LoopExecutor.shared.endRunning(returningTo: outer)
            state = .idle
            isStopping = false
        }
        whileCurrent {
            // The first piece of an `async` main may have left hand-overs: no entry runs that they follow.
            runHandOvers()
            // What was left for a loop that did not run is all there when it begins.
            inbox.take(atMost: .max, receive)
            repeat { turn() } while !isStopping && escaping == nil && !isDone()
        }
        if let interrupt = escaping.take() { throw interrupt }
    }

    func checkCanRun() throws(RuntimeError) {
        if state == .closed { throw RuntimeError("Event loop is closed") }
        if state == .running { throw RuntimeError("This event loop is already running") }
        if let here = EventLoop.here, here !== self || here.state == .running {
            throw RuntimeError("Cannot run the event loop while another loop is running")
        }
        if EventLoop.here == nil, LoopExecutor.shared.isRunning {
            throw RuntimeError(
                "Another thread runs an event loop; a process has one at a time. Use loop.submit { } to run code there")
        }
    }

    /// Lets what is on its way arrive, a few turns and no wait: what was closed last is told
    /// that it is.
    func settle() throws {
        var turns = 0
        while !ready.isEmpty, turns < 4 {
            turns += 1
            try run(until: { true })
        }
    }

    /// Jobs are the runtime's, not ours to drop: the loop around this one, or the
    /// next one, runs them.
    private func releaseJobs() {
        for entry in ready.removeAll() {
            if case .job(let job) = entry, !AbandonedTasks.contain(job) { LoopExecutor.shared.adopt(.job(job)) }
        }
        for item in inbox.close() {
            switch item {
            case .job, .timer: LoopExecutor.shared.adopt(item)
            case .handle: break
            }
        }
    }
}
