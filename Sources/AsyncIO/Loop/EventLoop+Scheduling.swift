internal import AsyncIOSystem

extension EventLoop {
    /// Runs `callback` in the next turn, after everything that is already scheduled.
    ///
    /// If the callback throws an error, the error goes to the exception handler, and the loop continues.
    ///
    /// - Returns: A handle that can cancel the callback.
    /// - Throws: ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.call_soon`.
    @discardableResult
    public func callSoon(_ callback: @escaping () throws -> Void) throws(RuntimeError) -> Handle {
        try checkOpen("callSoon")
        return enqueue(attributed(callback))
    }

    /// Runs `callback` when at least `delay` has passed.
    ///
    /// Callbacks with equal deadlines run in the order in which they were scheduled. With a delay of zero or less, the
    /// callback runs after everything that is already ready to run. If the callback throws an error, the error goes to
    /// the exception handler.
    ///
    /// - Returns: A handle that can cancel the callback.
    /// - Throws: ``RuntimeError`` if the loop is closed.
    /// - Complexity: O(log *n*), where *n* is the number of active timers.
    ///
    /// asyncio: `loop.call_later`.
    @discardableResult
    public func callLater(
        _ delay: Duration, _ callback: @escaping () throws -> Void
    ) throws(RuntimeError) -> TimerHandle {
        try checkOpen("callLater")
        return schedule(callback, at: time.advanced(by: delay))
    }

    /// Runs `callback` at `deadline`, and never earlier. If the callback throws an error, the error goes to the
    /// exception handler.
    ///
    /// - Parameters:
    ///   - deadline: An instant on the loop's clock; see ``now``.
    ///   - callback: The callback.
    /// - Returns: A handle that can cancel the callback.
    /// - Throws: ``RuntimeError`` if the loop is closed.
    /// - Complexity: O(log *n*), where *n* is the number of active timers.
    ///
    /// asyncio: `loop.call_at`.
    @discardableResult
    public func callAt(
        _ deadline: ContinuousClock.Instant, _ callback: @escaping () throws -> Void
    ) throws(RuntimeError) -> TimerHandle {
        try checkOpen("callAt")
        return schedule(callback, at: deadline.loopTime)
    }

    /// Runs `callback` on the loop. You can call this method from any thread.
    ///
    /// If the loop is sleeping, this method wakes the loop. You can cancel the handle from any thread. When `cancel()`
    /// returns, the callback has either ended or will never run.
    ///
    /// - Returns: A handle that can cancel the callback.
    /// - Throws: ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.call_soon_threadsafe`.
    @discardableResult
    public func callSoonThreadSafe(
        _ callback: @escaping @Sendable () throws -> Void
    ) throws(RuntimeError) -> ThreadSafeHandle {
        let handle = ThreadSafeHandle(Self.boundToHost(sendable: CallerContext.bind(sendable: callback)))
        guard post(.handle(handle)) else { throw RuntimeError("Event loop is closed") }
        return handle
    }

    /// The current time of the loop. In real time, this is the time of the machine's continuous clock.
    ///
    /// asyncio: `loop.time`.
    public var now: ContinuousClock.Instant { .init(loopTime: time) }

    // MARK: Inside

    /// Returns `callback`, bound to the context of the code that is scheduling it. In debug mode, the result also
    /// records which code scheduled the callback.
    func attributed(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        let callback = CallerContext.bind(callback)
        guard debug else { return callback }
        let origin = CodeAddresses()
        return { [unowned self] in
            self.origin = origin
            try callback()
        }
    }

    /// Appends a callback of the library to the ready queue.
    @discardableResult
    func enqueue(_ callback: @escaping () throws -> Void) -> Handle {
        let handle = Handle(.callback(virtualNow == nil ? callback : virtual.bound(callback)))
        ready.append(.handle(handle))
        return handle
    }

    /// Appends the completion of a waiter to the ready queue.
    func enqueue(completing waiter: Waiter) { ready.append(.handle(Handle(.complete(waiter)))) }

    private func schedule(_ callback: @escaping () throws -> Void, at deadline: Int64) -> TimerHandle {
        let callback = attributed(callback)
        return schedule(.callback(virtualNow == nil ? callback : virtual.boundTimer(callback)), at: deadline)
    }

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

    /// Accepts an item from any thread. On the loop's own thread, the item goes directly to the ready queue or the
    /// timers. Returns false if the loop is closed.
    @discardableResult
    func post(_ item: Inbox.Item) -> Bool {
        guard EventLoop.here === self, state != .closed else { return send(item) }
        receive(item)
        return true
    }

    /// Passes an item to the loop from another thread, and wakes the loop if it is sleeping. Returns false if the loop
    /// is closed.
    @discardableResult
    func send(_ item: Inbox.Item) -> Bool {
        switch inbox.post(item) {
        case .accepted: break
        case .mustWake: wake()
        case .refused: return false
        }
        return true
    }

    private func wake() {
        if let guest { guest.wake() } else { poller.wakeUp.signal() }
    }

    func receive(_ item: Inbox.Item) {
        switch item {
        case .job(let job): ready.append(.job(job))
        case .timer(let timer):
            // A loop on its own thread has only the timers of tasks that follow it.
            schedule(.job(timer.job), at: timer.target.deadline(on: self, isForeign: home == nil))
        case .handle(let handle): ready.append(.threadSafe(handle))
        }
    }

    /// Moves a random entry of this turn to the front of the queue. In a seeded schedule, the loop calls this method to
    /// replace the FIFO order with a random order.
    func moveRandomEntryToFront(among count: Int) {
        guard count > 1, let index = schedule?.next(below: count), index > 0 else { return }
        ready.moveToFront(index)
    }
}
