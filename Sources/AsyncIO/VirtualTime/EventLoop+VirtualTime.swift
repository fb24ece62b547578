// The interface that AsyncIOTesting uses.

extension EventLoop {
    package convenience init(virtualTimeWithSeed seed: UInt64?) throws(OSError) {
        try self.init(debug: nil, time: .virtual)
        schedule = seed.map(RandomSchedule.init(seed:))
    }

    package var virtualElapsed: Duration { .nanoseconds(virtualNow ?? 0) }

    /// The number of timers that have not fired and were not cancelled.
    package var timerCount: Int { timers.count }

    package var unfinishedTasks: [AnyAsyncTask] { tasks.all }

    /// A line for each task that has not ended, and one for each cycle in which tasks wait for each other.
    package var deadlockReport: (waiting: [String], cycles: [String]) {
        whileCurrent {
            (
                tasks.all.map { $0.waitReport(at: virtualNow) },
                AwaitGraph(of: self).deadlocks.map(AwaitGraph.description(of:))
            )
        }
    }

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

extension Runner {
    package convenience init(virtualTimeWithSeed seed: UInt64?) {
        self.init(debug: nil, time: .virtual) { loop in
            loop.abandonsTasks = true
            loop.schedule = seed.map(RandomSchedule.init(seed:))
        }
    }
}

extension AnyAsyncTask {
    /// A line about the task: what it waits for, since when and where, and where it was created.
    ///
    /// In virtual time, which starts at zero, the line says at what time the wait began. Otherwise it says
    /// how long the task has waited.
    fileprivate func waitReport(at virtualNow: Int64?) -> String {
        let since = virtualNow == nil ? sinceText : " since \(Duration.nanoseconds(waitingSince))"
        let subject =
            waitingOn.map { "waits for \($0.waitDescription)\(since)" } ?? "waits for code outside of asyncio"
        let place = stack.first.map { " at \($0)" } ?? ""
        let origin = site.map { ", created at \($0)" } ?? ""
        return "\"\(name)\" \(subject)\(place)\(origin)"
    }
}
