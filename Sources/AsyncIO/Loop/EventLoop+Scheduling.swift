internal import AsyncIOSystem

extension EventLoop {
    /// Runs `callback` in the next turn, after what is scheduled already.
    ///
    /// An error that it throws goes to the exception handler; the loop goes on.
    ///
    /// - Returns: a handle that can take the callback back.
    /// - Throws: ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.call_soon`.
    @discardableResult
    public func callSoon(_ callback: @escaping () throws -> Void) throws(RuntimeError) -> Handle {
        try checkOpen("callSoon")
        let handle = Handle(.callback(attributed(callback)))
        ready.append(.handle(handle))
        return handle
    }

    /// Runs `callback` once `delay` has passed; never early. Callbacks with equal
    /// deadlines run in the order they were scheduled in. A delay of zero or less
    /// means the next look at the timers, after what is ready already.
    ///
    /// - Throws: ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.call_later`.
    @discardableResult
    public func callLater(
        _ delay: Duration, _ callback: @escaping () throws -> Void
    ) throws(RuntimeError) -> TimerHandle {
        try checkOpen("callLater")
        return schedule(.callback(attributed(callback)), at: time.advanced(by: delay))
    }

    /// Runs `callback` at `deadline`, an instant on the clock of ``now``.
    ///
    /// - Throws: ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.call_at`.
    @discardableResult
    public func callAt(
        _ deadline: ContinuousClock.Instant, _ callback: @escaping () throws -> Void
    ) throws(RuntimeError) -> TimerHandle {
        try checkOpen("callAt")
        return schedule(.callback(attributed(callback)), at: deadline.loopTime)
    }

    /// Runs `callback` on the loop; may be called from any thread.
    ///
    /// It wakes the loop if it sleeps. The handle may be cancelled from any
    /// thread: then the callback either never runs, or has ended when `cancel()`
    /// returns.
    ///
    /// - Throws: ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.call_soon_threadsafe`.
    @discardableResult
    public func callSoonThreadSafe(
        _ callback: @escaping @Sendable () throws -> Void
    ) throws(RuntimeError) -> ThreadSafeHandle {
        let handle = ThreadSafeHandle(CallerContext.bind(sendable: callback))
        guard post(.handle(handle)) else { throw RuntimeError("Event loop is closed") }
        return handle
    }

    /// The loop's present: the machine's continuous clock, or virtual time.
    ///
    /// asyncio: `loop.time`.
    public var now: ContinuousClock.Instant { .init(loopTime: time) }

    // MARK: Inside

    @discardableResult
    func schedule(_ action: Handle.Action, at deadline: Int64) -> TimerHandle {
        let timer = TimerHandle(on: self, deadline: deadline, action)
        timers.insert(timer)
        return timer
    }

    func checkOpen(_ operation: StaticString) throws(RuntimeError) {
        assertUsable(operation)
        if state == .closed { throw RuntimeError("Event loop is closed") }
    }

    /// Takes what may come from any thread: from the loop's own, its place in the queue is
    /// that of the call. False if the loop is closed.
    @discardableResult
    func post(_ item: Inbox.Item) -> Bool {
        guard EventLoop.here === self, state != .closed else { return send(item) }
        receive(item)
        return true
    }

    /// Leaves something for the loop, on any other thread, and wakes it if it sleeps. False if
    /// the loop is closed.
    @discardableResult
    func send(_ item: Inbox.Item) -> Bool {
        switch inbox.post(item) {
        case .accepted: break
        case .mustWake: poller.wakeUp.signal()
        case .refused: return false
        }
        return true
    }

    func receive(_ item: Inbox.Item) {
        switch item {
        case .job(let job): ready.append(.job(job))
        case .timer(let timer):
            schedule(.job(timer.job), at: timer.target.deadline(on: self, isForeign: true))
        case .handle(let handle): ready.append(.threadSafe(handle))
        }
    }

    /// Puts a random one of the entries of this turn to the front: a seeded
    /// schedule in place of first in, first out.
    func moveRandomEntryToFront(among count: Int) {
        guard count > 1, let index = schedule?.next(below: count), index > 0 else { return }
        ready.moveToFront(index)
    }
}
