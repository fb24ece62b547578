internal import AsyncIOSystem

// # The life of a loop's thread
//
//     running   the loop runs until somebody asks for its end: `shutDown`, `loop.stop()`, the release of its
//               EventLoopThread, or an error that ends the run;
//     ending    the thread does what `Runner.close()` does: cancels the tasks and waits for them, closes
//               generators, waits for work on threads, and closes the loop. The limit of the first request
//               applies to all of this;
//     ended     the loop is closed, and the thread is about to end. Who waits for the end is resumed, and
//               joins the thread.
//
// The thread retains this object, the executor, and the loop, but not the EventLoopThread.

/// The thread of a loop. Any thread.
final class LoopThread: Sendable {
    let executor: LoopThreadExecutor
    var loop: EventLoop { executor.loop }

    private struct State {
        var phase = Phase.running
        var thread: JoinableThread?
        var waiters: [Continuation] = []
        var gates: [ThreadGate] = []
        /// Of a loop in virtual time on which nothing could happen anymore.
        var deadlockReport: (waiting: [String], cycles: [String])?
    }

    private enum Phase {
        case running
        /// The limit is nil if there is none.
        case ending(limit: Duration?)
        /// The number of tasks that had not ended in time, and the error that ended the loop, if any.
        case ended(left: Int, (any Error)?)
    }

    private let state = Guarded(State())

    init(_ executor: LoopThreadExecutor) { self.executor = executor }

    var deadlockReport: (waiting: [String], cycles: [String])? { state.withLock { $0.deadlockReport } }

    /// Starts the thread, once. If the system does not allow it, the loop is closed.
    func start() throws(OSError) {
        do {
            let thread = try Thread.startJoinable(named: executor.loop.name) { self.work() }
            state.withLock { $0.thread = thread }
        } catch {
            loop.whileCurrent {
                // A loop that never ran can be closed.
                try? loop.close()
                executor.runLateJobs()
                tellEnd(0, nil)
            }
            throw OSError(error, "cannot start a thread for an event loop")
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
            tellEnd(left, failure)
        }
    }

    /// Ends everything on the loop and closes it. Returns the error that ended the run, or the end.
    private func end(after run: Result<Void, any Error>) -> (any Error)? {
        var failure: (any Error)?
        if case .failure(let error) = run { failure = error }
        let limit = state.withLock { state -> Duration? in
            if case .ending(let limit) = state.phase { return limit }
            // Stopped by its own code.
            state.phase = .ending(limit: nil)
            return nil
        }
        do {
            try loop.finish(within: limit)
        } catch {
            // In virtual time, what does not end now never will.
            if !loop.hasStalled { failure = failure ?? error }
        }
        do { try loop.close() } catch { failure = failure ?? error }
        return failure
    }

    private func tellEnd(_ left: Int, _ failure: (any Error)?) {
        let (waiters, gates) = state.withLock { state in
            state.phase = .ended(left: left, failure)
            defer { (state.waiters, state.gates) = ([], []) }
            return (state.waiters, state.gates)
        }
        for waiter in waiters { waiter.resume() }
        for gate in gates { gate.open() }
    }

    // MARK: Other threads

    /// Whether somebody has asked for the end, or the loop has ended.
    var isEnding: Bool {
        state.withLock { state in
            if case .running = state.phase { false } else { true }
        }
    }

    /// Asks the loop to end. Only the first request counts.
    ///
    /// - Parameter isReleased: Whether the program has released the EventLoopThread instead of shutting it
    ///   down, which is reported.
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

    /// Waits until the loop has ended. Not cancellable, because the end has a limit.
    func waitForEnd() async {
        await unsafe withUnsafeContinuation { continuation in
            let continuation = unsafe Continuation(continuation)
            let hasEnded = state.withLock { state in
                if case .ended = state.phase { return true }
                state.waiters.append(continuation)
                return false
            }
            if hasEnded { continuation.resume() }
        }
        join()
    }

    /// The same, blocking the calling thread.
    func blockUntilEnd() {
        let gate = ThreadGate()
        let hasEnded = state.withLock { state in
            if case .ended = state.phase { return true }
            state.gates.append(gate)
            return false
        }
        if !hasEnded { gate.wait() }
        join()
    }

    /// Waits for the last instructions of the thread.
    private func join() { state.withLock { $0.thread }?.join() }

    /// Throws if tasks were left, or an error has ended the loop.
    func checkEnd(_ limit: Duration?, _ site: CreationSite) throws {
        guard case .ended(let left, let failure) = state.withLock({ $0.phase }) else { return }
        if let failure { throw failure }
        if left > 0 { throw TimeoutError(limit: limit, site: site) }
    }
}

extension EventLoop {
    /// Ends everything that is left, like ``finish()``, but only until the limit has passed.
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
            // What is left is reported when the loop is closed.
            if !isOver { throw error }
        }
    }
}
