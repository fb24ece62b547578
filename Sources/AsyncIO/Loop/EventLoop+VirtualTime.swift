// What AsyncIOTesting builds on.

extension EventLoop {
    package convenience init(virtualTimeWithSeed seed: UInt64?) throws(OSError) {
        try self.init(debug: nil, time: .virtual)
        schedule = seed.map(RandomSchedule.init(seed:))
    }

    package var virtualElapsed: Duration { .nanoseconds(virtualNow ?? 0) }

    package var unfinishedTasks: [AnyAsyncTask] { tasks.all }

    package func createMainTask<T>(
        name: String?, _ body: @escaping @MainActor () async throws -> T
    ) -> AsyncTask<T> {
        makeMainTask(name: name, body)
    }

    /// True if it ended because the next timer lies beyond the limit.
    package func runUntilStalled(limit: Duration?) throws(RuntimeError) -> Bool {
        virtualLimit = limit?.roundedUpNanoseconds
        defer { virtualLimit = nil }
        try run(until: { isStalled })
        return !timers.isEmpty
    }
}
