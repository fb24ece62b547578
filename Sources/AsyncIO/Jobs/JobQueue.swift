/// A work queue with retries, dead letters, delays, priorities, and all other features of ``JobPolicy`` and
/// ``JobOptions``.
///
/// Each job is delivered *at least once*. It ends when a worker acknowledges it. If the worker dies first, the job is
/// delivered again after ``JobPolicy/visibility``. If the worker was stopped for longer than that, the work may be
/// done twice. Make handlers idempotent, or use ``once(_:keptFor:lease:_:)``.
///
/// ``LocalJobQueue`` and `RedisQueue` conform to this protocol, and pass the same tests.
public protocol JobQueue<Job>: WorkQueue {
    /// The rules of the queue.
    var policy: JobPolicy { get }

    /// Puts a job into the queue. Waits for room if ``JobPolicy/maxLength`` jobs are waiting.
    ///
    /// - Returns: The identifier of the job, and whether it was added.
    /// - Throws: ``QueueShutDown`` if the queue is shut down; ``ValueError`` if an option is not valid;
    ///   `CancellationError` if the task is cancelled. After a cancellation, the job may be in the queue. To find out,
    ///   put it in again with the same ``JobOptions/id``.
    @discardableResult
    func put(_ job: Job, options: JobOptions) async throws -> JobTicket

    /// Returns the status of a job, or `nil` if the queue has no such job.
    func status(of id: String) async throws -> JobStatus?

    /// Waits until a job has ended, or has become a dead letter.
    ///
    /// - Returns: The status of the job.
    /// - Throws: ``UnknownJob`` if the queue has no such job; `CancellationError` if the task is cancelled.
    func end(of id: String) async throws -> JobStatus

    /// Waits until a job has ended, and returns its result.
    ///
    /// - Throws: ``JobFailed`` if the job is a dead letter or was cancelled; ``UnknownJob`` if the queue does not know
    ///   the job; ``ValueError`` if the job has no result, or one of another type; `CancellationError` if the task is
    ///   cancelled.
    func result<Value: Codable & Sendable>(of id: String, as type: Value.Type) async throws -> Value

    /// Cancels a job. A waiting job ends at once. The task of a running job is cancelled when its worker renews the
    /// delivery, and the job is not retried.
    ///
    /// - Returns: `true` if the job had not ended yet.
    @discardableResult
    func cancel(_ id: String) async throws -> Bool

    /// Stops delivering jobs to all workers. Jobs that are running continue.
    func pause() async throws

    /// Resumes the delivery of jobs.
    func resume() async throws

    /// Returns the number of jobs in each state.
    func counts() async throws -> JobCounts

    /// Returns the workers of the queue, by name. A worker that has ended is still listed for a while.
    func workers() async throws -> [JobWorker]

    /// Returns the oldest dead letters.
    ///
    /// - Parameter limit: The maximum number of dead letters to return.
    func deadJobs(limit: Int) async throws -> [DeadJob<Job>]

    /// Puts a dead letter back into the queue. Its attempts are counted from zero again.
    ///
    /// - Returns: Whether there was such a dead letter.
    /// - Throws: ``ValueError`` if another job now has its ``JobOptions/uniqueKey``.
    @discardableResult
    func retryDead(_ id: String) async throws -> Bool

    /// Drops a dead letter.
    ///
    /// - Returns: Whether there was such a dead letter.
    @discardableResult
    func dropDead(_ id: String) async throws -> Bool

    /// Runs `body` unless a run with this key has already completed.
    ///
    /// Use it in handlers for work that should not be repeated when a job is delivered twice. If a worker dies after
    /// the body has ended but before this is recorded, the body runs again.
    ///
    /// - Parameters:
    ///   - key: The name of the work, such as `"invoice-17"`.
    ///   - duration: The time for which the queue remembers that the work is done.
    ///   - lease: The time after which another worker can run the body if the current worker dies. The lease is renewed
    ///     while the body runs. If the lease is lost, the body is cancelled.
    ///   - body: The work. If it throws, the work counts as not done.
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

    /// At most 100 dead letters, the oldest first; see ``deadJobs(limit:)``.
    ///
    /// - Throws: The same errors as ``deadJobs(limit:)``.
    public func deadJobs() async throws -> [DeadJob<Job>] { try await deadJobs(limit: 100) }

    /// A third of the visibility time.
    public var renewalInterval: Duration? { policy.visibility / 3 }

    /// Puts all dead letters back into the queue, except for those whose ``JobOptions/uniqueKey`` now belongs to
    /// another job.
    ///
    /// - Returns: The number of dead letters that were put back.
    /// - Throws: The errors of the queue; `CancellationError` if the task is cancelled. In that case, some of the dead
    ///   letters may have been put back.
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
