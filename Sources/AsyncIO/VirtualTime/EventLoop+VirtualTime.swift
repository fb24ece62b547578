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
        try run(until: { isStalled })
        return !timers.isEmpty
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
