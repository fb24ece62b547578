// The interface that AsyncIOTesting uses.

extension EventLoop {
    package var virtualElapsed: Duration { .nanoseconds(virtualNow ?? 0) }

    /// The number of timers that have not fired and were not cancelled.
    package var timerCount: Int { timers.count }

    package var unfinishedTasks: [AnyAsyncTask] { tasks.all }

    package func createMainTask<T>(
        name: String?, _ body: @escaping @MainActor () async throws -> T
    ) -> AsyncTask<T> {
        makeMainTask(name: name, body)
    }

    /// Runs until nothing can happen anymore. Returns true if it ended because the next timer is beyond the
    /// limit.
    package func runUntilStalled(limit: Duration?) throws -> Bool {
        virtualLimit = limit?.roundedUpNanoseconds
        defer { virtualLimit = nil }
        try whileOwner { try run(until: { isStalled }) }
        return !timers.isEmpty
    }

    /// Calls `body` as code of this loop's thread, if the loop is to run on one of its own.
    private func whileOwner<T>(_ body: () throws -> T) rethrows -> T {
        home == nil ? try body() : try whileCurrent(body)
    }

    package func closeAsOwner() throws(RuntimeError) {
        let result = whileOwner { Result { () throws(RuntimeError) in try close() } }
        try result.get()
    }
}

extension EventLoop {
    /// Removes and returns the next entry of this turn: a random one in a seeded schedule.
    func popInVirtualTime(among count: Int) -> ReadyEntry? {
        moveRandomEntryToFront(among: count)
        let entry = ready.popFirst()
        if let entry { sleepBounds.begins(entry) }
        return entry
    }

    /// Whether the loop was closed before all of its tasks had ended.
    package var hasLeftTasks: Bool { leftTasks > 0 }

    /// Whether the latest run ended because nothing could happen anymore.
    package var hasStalled: Bool { isStalled }
}

// MARK: The clock

extension EventLoop {
    /// How long a loop in virtual time sleeps when nothing is ready: 0 for not at all, nil until another thread
    /// or a descriptor brings something. Lets time jump to the next timer.
    func idleTime(inVirtualTime now: Int64) -> Int64? {
        guard let deadline = timers.first else { return stall() }
        // Other threads may still have something for the current time.
        if isForeignWorkExpected { return nil }
        if let virtualLimit, deadline > virtualLimit { return stall() }
        if !descriptors.isEmpty || mainQueueHasNews() { return 0 }
        virtualNow = max(now, deadline)
        return 0
    }

    /// Lets time jump to the first timer, after the descriptors have been polled and none was ready.
    func jump(to first: Int64) {
        guard let now = virtualNow, ready.isEmpty, !isStopping, !isForeignWorkExpected, first > now else { return }
        virtualNow = first
    }

    /// Called when nothing is ready and no timer is set. Descriptors and other threads can still bring
    /// something. Without them, nothing can happen anymore.
    private func stall() -> Int64? {
        if isForeignWorkExpected || !descriptors.isEmpty { return nil }
        if inbox.hasNews || mainQueueHasNews() { return 0 }
        isStalled = true
        isStopping = true
        return 0
    }
}
