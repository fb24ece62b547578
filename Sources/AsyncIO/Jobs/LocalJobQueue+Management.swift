extension LocalJobQueue {
    /// Returns the status of a job, or `nil` if the queue does not have a job with this identifier.
    public func status(of id: String) async throws -> JobStatus? { records[id]?.status }

    /// Waits until a job has ended; see ``JobQueue/end(of:)``.
    ///
    /// - Throws: ``UnknownJob`` if the queue does not have the job; `CancellationError` if the task is cancelled.
    public func end(of id: String) async throws -> JobStatus { try await endedRecord(id).status }

    private func endedRecord(_ id: String) async throws -> Record {
        guard let record = records[id] else { throw UnknownJob(id: id) }
        while !record.state.isOver { try await record.end.park(for: "LocalJobQueue.end(of:)", on: self) }
        return record
    }

    /// Waits until a job has ended, and returns its result; see ``JobQueue/result(of:as:)``.
    ///
    /// - Throws: ``JobFailed`` if the job is a dead letter or was cancelled; ``UnknownJob`` if the queue does not have
    ///   the job; ``ValueError`` if the job has no result, or a result of another type; `CancellationError` if the task
    ///   is cancelled.
    public func result<Value: Codable & Sendable>(of id: String, as type: Value.Type) async throws -> Value {
        let record = try await endedRecord(id)
        guard record.state == .done else { throw JobFailed(record.status) }
        guard let result = record.result else { throw ValueError("job \(id) has no result") }
        guard let value = result as? Value else {
            throw ValueError("the result of job \(id) is not a \(Value.self) but a \(Swift.type(of: result))")
        }
        return value
    }

    /// Cancels a job; see ``JobQueue/cancel(_:)``.
    @discardableResult
    public func cancel(_ id: String) async throws -> Bool {
        guard let record = records[id], !record.state.isOver else { return false }
        if record.state == .running { record.isCancelRequested = true } else { finish(record, as: .cancelled) }
        return true
    }

    /// Stops the delivery of jobs. Running jobs continue.
    public func pause() { tally.isPaused = true }

    /// Resumes the delivery of jobs.
    public func resume() {
        tally.isPaused = false
        getters.wake()
    }

    /// Returns the number of jobs in each state.
    public func counts() async throws -> JobCounts { tally }

    /// Returns this process as the only worker, or an empty array if this process has not received jobs.
    public func workers() async throws -> [JobWorker] {
        guard let lastHeartbeat else { return [] }
        // A worker that is waiting for jobs is active.
        let silence = getters.isEmpty ? loopTime - lastHeartbeat : 0
        return [
            JobWorker(
                name: JobWorker.currentProcess, running: tally.running, timeSinceHeartbeat: .nanoseconds(silence))
        ]
    }

    /// Returns the oldest dead letters.
    public func deadJobs(limit: Int = 100) async throws -> [DeadJob<Job>] {
        dead.prefix(max(0, limit)).map { record in
            DeadJob(
                id: record.id, job: record.job, error: record.error ?? "", attempts: record.attempts,
                date: record.deathDate)
        }
    }

    /// Puts a dead letter back into the queue; see ``JobQueue/retryDead(_:)``.
    ///
    /// - Throws: ``ValueError`` if another job now has the same ``JobOptions/uniqueKey``.
    @discardableResult
    public func retryDead(_ id: String) async throws -> Bool {
        guard let record = records[id], record.state == .dead else { return false }
        if let key = record.uniqueKey, let other = unique[key] {
            throw ValueError("job \(other) now has the unique key \"\(key)\" of job \(id)")
        }
        dead.removeAll { $0 === record }
        tally.dead -= 1
        record.attempts = 0
        if let key = record.uniqueKey { unique[key] = id }
        makeReady(record)
        return true
    }

    /// Drops a dead letter.
    @discardableResult
    public func dropDead(_ id: String) async throws -> Bool {
        guard let record = records[id], record.state == .dead else { return false }
        dead.removeAll { $0 === record }
        tally.dead -= 1
        records[id] = nil
        return true
    }

    /// Runs `body` unless a run with this key has already completed; see ``JobQueue/once(_:keptFor:lease:_:)``.
    ///
    /// This method ignores the lease, because the body runs in the same process as the queue.
    ///
    /// - Throws: ``OnceInProgress`` if another task is running the body; the errors of the body.
    @discardableResult
    public func once(
        _ key: String, keptFor duration: Duration, lease: Duration, _ body: () async throws -> Void
    ) async throws -> Bool {
        let now = loopTime
        onces = onces.filter { $0.value.until > now }
        if let known = onces[key] {
            guard known.isDone else { throw OnceInProgress(key: key) }
            return false
        }
        onces[key] = (.max, false)
        do { try await body() } catch {
            onces[key] = nil
            throw error
        }
        onces[key] = (loopTime.advanced(by: duration), true)
        return true
    }
}
