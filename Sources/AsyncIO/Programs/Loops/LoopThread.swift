internal import AsyncIOSystem

// # The life of a loop's thread
//
//     running   the loop runs until it is asked to end, by `shutDown`, `loop.stop()`, or the release of its
//               EventLoopThread, or until an error ends the run;
//     ending    the thread does what `Runner.close()` does: cancels the tasks and waits for them, closes
//               generators, waits for work on threads, and closes the loop. The limit of the first request
//               applies to all of this;
//     ended     the loop is closed, and the thread is about to end. Callers that wait for the end continue, and
//               join the thread.
//
// The thread retains this object, the executor, and the loop, but not the EventLoopThread.

/// The thread of an ``EventLoopThread``. You can use this object from any thread.
final class LoopThread: Sendable {
    let executor: LoopThreadExecutor
    var loop: EventLoop { executor.loop }

    private struct State {
        var phase = Phase.running
        var thread: JoinableThread?
        /// The report of a loop in virtual time that ended because nothing more could happen.
        var deadlockReport: (waiting: [String], cycles: [String])?
    }

    private enum Phase {
        case running
        /// A limit of nil means that there is no limit.
        case ending(limit: Duration?)
    }

    private let state = Guarded(State())
    /// A future for the number of tasks that did not end in time. If an error ended the loop, the future fails with
    /// that error.
    private let ended: ConcurrentFuture<Int>

    init(_ executor: LoopThreadExecutor) {
        self.executor = executor
        ended = ConcurrentFuture(loop: executor.loop)
    }

    var deadlockReport: (waiting: [String], cycles: [String])? { state.withLock { $0.deadlockReport } }

    /// Starts the thread. Call this method only once. If the system does not allow another thread, the loop is closed.
    func start(_ scheduling: EventLoopThread.Scheduling) throws(OSError) {
        if let guest = loop.guest { return runAsGuest(guest) }
        do {
            let thread = try Thread.startJoinable(named: executor.loop.name, isBatch: scheduling == .batch) {
                self.work()
            }
            state.withLock { $0.thread = thread }
        } catch {
            loop.whileCurrent {
                // A loop that never ran can be closed.
                try? loop.close()
                executor.runLateJobs()
                ended.end(.success(0))
            }
            throw OSError(
                error,
                scheduling == .batch
                    ? "cannot start a thread for an event loop; if a container does not permit SCHED_BATCH, use .normal"
                    : "cannot start a thread for an event loop")
        }
    }

    // MARK: The loop's thread

    private func work() {
        loop.whileCurrent {
            let run = Result { try loop.runForever() }
            if loop.hasStalled {
                let report = loop.deadlockReport
                state.withLock { $0.deadlockReport = report }
            }
            let failure = end(after: run)
            let left = loop.leftTasks
            executor.runLateJobs()
            ended.end(failure.map { .failure($0) } ?? .success(left))
        }
    }

    /// Ends the remaining work on the loop, and closes the loop. Returns the error of the run or of the shutdown, or
    /// nil.
    private func end(after run: Result<Void, any Error>) -> (any Error)? {
        var failure = run.failure
        do {
            try loop.finish(within: takeLimit())
        } catch {
            // In virtual time, tasks that have not ended at this point never end.
            if !loop.hasStalled { failure = failure ?? error }
        }
        do { try loop.close() } catch { failure = failure ?? error }
        return failure
    }

    /// Returns the maximum time for the shutdown, or nil for no limit.
    private func takeLimit() -> Duration? {
        state.withLock { state in
            if case .ending(let limit) = state.phase { return limit }
            // The loop was stopped by its own code.
            state.phase = .ending(limit: nil)
            return nil
        }
    }

    // MARK: A guest

    /// Does the work of the thread on the thread of another loop; see GuestLoop.
    private func runAsGuest(_ guest: GuestLoop) {
        guest.isEnding = { [weak self] in self?.isEnding ?? false }
        guest.onKill = { [weak self] in
            guard let self else { return }
            executor.dropLateJobs()
            ended.end(.failure(RuntimeError("the program of EventLoopThread \"\(loop.name)\" was killed")))
        }
        Task { @MainActor in
            let run = await guest.run()
            var failure = run.failure
            if let error = await finishAsGuest(guest, within: takeLimit()) { failure = failure ?? error }
            if let error = guest.close() { failure = failure ?? error }
            let left = loop.leftTasks
            executor.runLateJobs()
            ended.end(failure.map { .failure($0) } ?? .success(left))
        }
    }

    /// Does the same as `EventLoop.finish()`. Returns the error that ended a run, or nil.
    @MainActor
    private func finishAsGuest(_ guest: GuestLoop, within limit: Duration?) async -> (any Error)? {
        let loop = loop
        var isOver = false
        let timer = limit.map { limit in
            loop.inside {
                loop.schedule(
                    .callback {
                        isOver = true
                        loop.stop()
                    }, at: loop.time.advanced(by: limit))
            }
        }
        defer { timer?.cancel() }
        for step in loop.finalSteps {
            guard let future = loop.inside({ step.begin() }) else { continue }
            let failure = await guest.run(until: future).failure
            if isOver { return nil }
            if let failure { return failure }
            loop.inside { step.end() }
        }
        return nil
    }

    // MARK: Other threads

    /// Whether the loop was asked to end, or has ended.
    var isEnding: Bool {
        state.withLock { state in
            if case .running = state.phase { false } else { true }
        }
    }

    /// Asks the loop to end. Only the first request has an effect.
    ///
    /// - Parameter isReleased: Whether the program has released the ``EventLoopThread`` without shutting it down. Such
    ///   a release is reported.
    func requestEnd(within limit: Duration?, isReleased: Bool = false) {
        let isFirst = state.withLock { state in
            guard case .running = state.phase else { return false }
            state.phase = .ending(limit: limit)
            return true
        }
        guard isFirst else { return }
        loop.send(
            .callback { [loop] in
                if isReleased {
                    loop.callExceptionHandler(
                        ExceptionContext(
                            message: "EventLoopThread \"\(loop.name)\" was released without shutDown(within:)"))
                }
                loop.stop()
            })
    }

    /// Waits until the loop has ended. Cancelling the calling task has no effect, because the shutdown has a time
    /// limit.
    ///
    /// - Throws: ``TimeoutError`` if some tasks did not end in time; the error that ended the loop.
    func waitForEnd(_ limit: Duration?, _ site: CreationSite) async throws {
        try check(await ended.result, limit, site)
    }

    /// Blocks the calling thread until the loop has ended.
    func blockUntilEnd(_ limit: Duration?, _ site: CreationSite) throws {
        try check(Result { try ended.wait() }, limit, site)
    }

    private func check(_ end: Result<Int, any Error>, _ limit: Duration?, _ site: CreationSite) throws {
        // The thread has only a few instructions left to run.
        state.withLock { $0.thread }?.join()
        if try end.get() > 0 { throw TimeoutError(limit: limit, site: site) }
    }
}

extension EventLoop {
    /// Ends the remaining work, like ``finish()``, but stops when the limit has passed.
    fileprivate func finish(within limit: Duration?) throws {
        guard let limit else { return try finish() }
        var isOver = false
        let timer = schedule(
            .callback { [unowned self] in
                isOver = true
                stop()
            }, at: time.advanced(by: limit))
        defer { timer.cancel() }
        do {
            try finish()
        } catch {
            // The remaining tasks are reported when the loop is closed.
            if !isOver { throw error }
        }
    }
}
