public import AsyncIO

extension RedisQueue {
    /// Returns the status of a job, or `nil` if the queue has no such job.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    public func status(of id: String) async throws -> JobStatus? {
        try status(of: id, in: await call(QueueScripts.status, [id, 0]).array)
    }

    private func status(of id: String, in fields: [RedisValue]) throws -> JobStatus? {
        if fields[0].isNull { return nil }
        let name = try fields[0].string
        guard let state = JobState(rawValue: name) else { throw ValueError("job \(id) has the unknown state \(name)") }
        return JobStatus(
            id: id, state: state, attempts: try fields[1].isNull ? 0 : fields[1].integer,
            error: try fields[2].isNull ? nil : fields[2].string,
            progress: try fields[3].isNull ? nil : fields[3].double)
    }

    /// Waits until a job has ended; see `JobQueue.end(of:)`.
    ///
    /// All waiting tasks share a connection, on which the server reports which jobs have ended.
    ///
    /// - Throws: `UnknownJob` if the queue has no such job; connection errors; `CancellationError` if the task is
    ///   cancelled.
    public func end(of id: String) async throws -> JobStatus { try await ended(id).status }

    private func ended(_ id: String) async throws -> (status: JobStatus, result: RedisValue) {
        while true {
            let fields = try await call(QueueScripts.status, [id, 1]).array
            guard let status = try status(of: id, in: fields) else { throw UnknownJob(id: id) }
            if status.state.isOver { return (status, fields[4]) }
            if isOver { throw QueueShutDown() }
            try await waitForEnd(of: id, after: fields[5].string)
        }
    }

    /// Waits until a job has ended, and returns its result; see `JobQueue.result(of:as:)`.
    ///
    /// - Throws: `JobFailed` if the job is a dead letter or was cancelled; `UnknownJob` if the queue has no such job;
    ///   `ValueError` if the job has no result, or if the result has another type; connection errors;
    ///   `CancellationError` if the task is cancelled.
    public func result<Value: Codable & Sendable>(of id: String, as type: Value.Type) async throws -> Value {
        let (status, result) = try await ended(id)
        guard status.state == .done else { throw JobFailed(status) }
        if result.isNull { throw ValueError("job \(id) has no result") }
        do { return try coding.decode(Value.self, from: result.bytes) } catch {
            throw ValueError("the result of job \(id) is not a \(Value.self): \(error)")
        }
    }

    /// Cancels a job; see `JobQueue.cancel(_:)`.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    @discardableResult
    public func cancel(_ id: String) async throws -> Bool { try await call(QueueScripts.cancel, [id]).integer == 1 }

    /// Stops delivering jobs to all workers. Running jobs continue.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    public func pause() async throws { _ = try await call(QueueScripts.pause, [1]) }

    /// Resumes the delivery of jobs.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    public func resume() async throws { _ = try await call(QueueScripts.pause, [0]) }

    /// Returns the number of jobs in each state.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    public func counts() async throws -> JobCounts {
        let numbers = try await call(QueueScripts.counts, []).decode(as: [Int].self)
        var counts = JobCounts()
        counts.waiting = numbers[0] - numbers[1] - numbers[2]
        (counts.delayed, counts.running, counts.dead) = (numbers[1], numbers[2], numbers[3])
        (counts.done, counts.failures, counts.lost) = (numbers[4], numbers[5], numbers[6])
        counts.isPaused = numbers[7] == 1
        return counts
    }

    /// Returns the workers of the queue, by name.
    ///
    /// Each queue object that has received jobs is a worker. While a worker waits for jobs, it sends a heartbeat at
    /// least every five seconds. While a worker is busy, it sends a heartbeat whenever a third of the visibility time
    /// has passed. If a worker sends no heartbeat for ten minutes or for twice the visibility time, whichever is
    /// longer, the queue can remove it from the list.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    /// - Complexity: O(*n*) on the server, where *n* is the number of workers and running jobs.
    public func workers() async throws -> [JobWorker] {
        try await call(QueueScripts.workers, []).array.map { value in
            let fields = try value.array
            return JobWorker(
                name: try fields[0].string, running: try fields[1].integer,
                timeSinceHeartbeat: .milliseconds(try fields[2].integer))
        }.sorted { $0.name < $1.name }
    }

    /// Returns the oldest dead letters.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    public func deadJobs(limit: Int = 100) async throws -> [DeadJob<Job>] {
        if limit <= 0 { return [] }
        return try await call(QueueScripts.listDead, [limit]).array.map { value in
            let fields = try value.array
            // The identifier of a stream entry begins with the time in milliseconds.
            let time = Int(try fields[1].string.prefix { $0 != "-" }) ?? 0
            return DeadJob(
                id: try fields[0].string, job: try? coding.decode(Job.self, from: fields[2].bytes),
                error: try fields[3].string, attempts: try fields[4].integer, date: .milliseconds(time))
        }
    }

    /// Puts a dead letter back into the queue; see `JobQueue.retryDead(_:)`.
    ///
    /// - Throws: `ValueError` if another job now has the same unique key; connection errors; `CancellationError` if the
    ///   task is cancelled.
    @discardableResult
    public func retryDead(_ id: String) async throws -> Bool {
        switch try await call(QueueScripts.retryDead, [id]) {
        case .integer(let count): return count == 1
        case let other: throw ValueError("job \(try other.string) now has the unique key of job \(id)")
        }
    }

    /// Drops a dead letter.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    @discardableResult
    public func dropDead(_ id: String) async throws -> Bool { try await call(QueueScripts.dropDead, [id]).integer == 1 }
}
