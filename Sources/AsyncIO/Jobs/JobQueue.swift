/// A work queue with retries, dead letters, delays, priorities, and all other features of ``JobPolicy`` and
/// ``JobOptions``.
///
/// Each job is delivered *at least once*, and ends when a worker acknowledges it. If the worker dies before it
/// acknowledges the job, the queue delivers the job again after ``JobPolicy/visibility``. If the worker is suspended
/// for longer than that time, the work may be done twice. Make handlers idempotent, or use
/// ``once(_:keptFor:lease:_:)``.
///
/// ``LocalJobQueue`` and `RedisQueue` conform to this protocol, and pass the same tests.
public protocol JobQueue<Job>: WorkQueue {
    /// The rules of the queue.
    var policy: JobPolicy { get }

    /// Puts a job into the queue. If ``JobPolicy/maxLength`` jobs are waiting, this method first waits for room.
    ///
    /// - Returns: The identifier of the job, and whether the job was added.
    /// - Throws: ``QueueShutDown`` if the queue is shut down; ``ValueError`` if an option is not valid;
    ///   `CancellationError` if the task is cancelled. After a cancellation, the job may or may not be in the queue. To
    ///   make sure that the job is in the queue, put it into the queue again with the same ``JobOptions/id``.
    @discardableResult
    func put(_ job: Job, options: JobOptions) async throws -> JobTicket

    /// Returns the status of a job, or `nil` if the queue does not have a job with this identifier.
    func status(of id: String) async throws -> JobStatus?

    /// Waits until a job has ended, or has become a dead letter.
    ///
    /// - Returns: The status of the job.
    /// - Throws: ``UnknownJob`` if the queue does not have the job; `CancellationError` if the task is cancelled.
    func end(of id: String) async throws -> JobStatus

    /// Waits until a job has ended, and returns its result.
    ///
    /// - Throws: ``JobFailed`` if the job is a dead letter or was cancelled; ``UnknownJob`` if the queue does not have
    ///   the job; ``ValueError`` if the job has no result, or a result of another type; `CancellationError` if the task
    ///   is cancelled.
    func result<Value: Codable & Sendable>(of id: String, as type: Value.Type) async throws -> Value

    /// Cancels a job. If the job is waiting, it ends at once. If the job is running, its task is cancelled when the
    /// worker next renews the delivery, and the job is not retried.
    ///
    /// - Returns: Whether the job existed and had not ended.
    @discardableResult
    func cancel(_ id: String) async throws -> Bool

    /// Stops the delivery of jobs to all workers. Running jobs continue.
    func pause() async throws

    /// Resumes the delivery of jobs.
    func resume() async throws

    /// Returns the number of jobs in each state.
    func counts() async throws -> JobCounts

    /// Returns the workers of the queue, sorted by name. A worker stays in this list for some time after it has ended.
    func workers() async throws -> [JobWorker]

    /// Returns the oldest dead letters.
    ///
    /// - Parameter limit: The maximum number of dead letters to return.
    func deadJobs(limit: Int) async throws -> [DeadJob<Job>]

    /// Puts a dead letter back into the queue, and resets its number of attempts to zero.
    ///
    /// - Returns: Whether the queue had a dead letter with this identifier.
    /// - Throws: ``ValueError`` if another job now has the same ``JobOptions/uniqueKey``.
    @discardableResult
    func retryDead(_ id: String) async throws -> Bool

    /// Drops a dead letter.
    ///
    /// - Returns: Whether the queue had a dead letter with this identifier.
    @discardableResult
    func dropDead(_ id: String) async throws -> Bool

    /// Runs `body` unless a run with this key has already completed.
    ///
    /// Use this method in handlers, for work that should not be repeated when a job is delivered twice. If a worker
    /// dies after the body has ended but before the queue has recorded the completion, the body runs again.
    ///
    /// - Parameters:
    ///   - key: A key that identifies the work, such as `"invoice-17"`.
    ///   - duration: The time for which the queue remembers that the work is done.
    ///   - lease: The time after which another worker can run the body if the current worker dies. The lease is renewed
    ///     while the body runs. If the lease is lost, the body is cancelled.
    ///   - body: The work. If the body throws an error, the work counts as not done.
    /// - Returns: Whether the body ran.
    /// - Throws: ``OnceInProgress`` if another worker is running the body; the errors of the body; in `RedisQueue`,
    ///   `RedisLeaseLostError` if the lease was lost.
    @discardableResult
    func once(_ key: String, keptFor duration: Duration, lease: Duration, _ body: () async throws -> Void) async throws
        -> Bool
}

extension JobQueue {
    /// Puts a job with the default options into the queue; see ``put(_:options:)``.
    ///
    /// - Throws: The same errors as ``put(_:options:)``.
    public func put(_ job: Job) async throws { try await put(job, options: JobOptions()) }

    /// Returns at most 100 dead letters, the oldest first; see ``deadJobs(limit:)``.
    ///
    /// - Throws: The same errors as ``deadJobs(limit:)``.
    public func deadJobs() async throws -> [DeadJob<Job>] { try await deadJobs(limit: 100) }

    /// The default interval, which is one third of ``JobPolicy/visibility``.
    public var renewalInterval: Duration? { policy.visibility / 3 }

    /// Puts all dead letters back into the queue, except for those whose ``JobOptions/uniqueKey`` now belongs to
    /// another job.
    ///
    /// - Returns: The number of dead letters that were put back.
    /// - Throws: The errors of the queue; `CancellationError` if the task is cancelled. When this method throws, it may
    ///   already have put back some of the dead letters.
    @discardableResult
    public func retryAllDead() async throws -> Int {
        var count = 0
        for dead in try await deadJobs(limit: policy.maxDead) {
            do { if try await retryDead(dead.id) { count += 1 } } catch is ValueError {}
        }
        return count
    }

    /// Runs `body` unless a run with this key has completed in the past day; see ``once(_:keptFor:lease:_:)``.
    ///
    /// - Throws: The same errors as ``once(_:keptFor:lease:_:)``.
    @discardableResult
    public func once(_ key: String, _ body: () async throws -> Void) async throws -> Bool {
        try await once(key, keptFor: .seconds(86_400), lease: policy.visibility, body)
    }
}
