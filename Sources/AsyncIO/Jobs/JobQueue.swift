/// A work queue with retries, dead letters, delays, priorities, and everything else that a ``JobPolicy`` and ``JobOptions``
/// ask for.
///
/// Delivery is *at least once*: a job ends when a worker acknowledges it, so a job whose worker dies is delivered again
/// after ``JobPolicy/visibility``. A worker that is alive but was stopped for longer than that may then do the same work
/// a second time. Make handlers idempotent, or use ``once(_:keptFor:lease:_:)``.
///
/// ``LocalJobQueue`` and `RedisQueue` keep this protocol, and the same tests.
public protocol JobQueue<Job>: WorkQueue {
    /// The rules of the queue.
    var policy: JobPolicy { get }

    /// Puts a job into the queue. Waits for room if ``JobPolicy/maxLength`` jobs wait.
    ///
    /// - Returns: The identifier of the job, and whether it was added.
    /// - Throws: ``QueueShutDown`` if the queue is shut down; ``ValueError`` if an option is not valid;
    ///   `CancellationError` if the task is cancelled. In that case, the job may have been put in. To find out, put it
    ///   in again with the same ``JobOptions/id``.
    @discardableResult
    func put(_ job: Job, options: JobOptions) async throws -> JobTicket

    /// Returns what the queue knows about a job, or `nil` if it does not know the job.
    func status(of id: String) async throws -> JobStatus?

    /// Waits until a job has ended, or has become a dead letter.
    ///
    /// - Returns: Its status.
    /// - Throws: ``UnknownJob`` if the queue does not know the job; `CancellationError` if the task is cancelled.
    func end(of id: String) async throws -> JobStatus

    /// Waits until a job has ended, and returns its result.
    ///
    /// - Throws: ``JobFailed`` if the job is dead or cancelled; ``UnknownJob`` if the queue does not know the job;
    ///   ``ValueError`` if the job has no result, or one of another type; `CancellationError` if the task is cancelled.
    func result<Value: Codable & Sendable>(of id: String, as type: Value.Type) async throws -> Value

    /// Cancels a job. A job that waits ends at once. The task of a running one is cancelled when its worker renews the
    /// delivery, and the job is not tried again.
    ///
    /// - Returns: Whether the job had not ended.
    @discardableResult
    func cancel(_ id: String) async throws -> Bool

    /// Stops delivering jobs, for all workers. Jobs that are running continue.
    func pause() async throws

    /// Continues to deliver jobs.
    func resume() async throws

    /// Returns how many jobs there are in each state.
    func counts() async throws -> JobCounts

    /// Returns the oldest dead letters.
    ///
    /// - Parameter limit: How many at most.
    func deadJobs(limit: Int) async throws -> [DeadJob<Job>]

    /// Puts a dead letter back into the queue, with all of its attempts before it.
    ///
    /// - Returns: Whether there was such a dead letter.
    /// - Throws: ``ValueError`` if another job has its ``JobOptions/uniqueKey`` now.
    @discardableResult
    func retryDead(_ id: String) async throws -> Bool

    /// Drops a dead letter.
    ///
    /// - Returns: Whether there was such a dead letter.
    @discardableResult
    func dropDead(_ id: String) async throws -> Bool

    /// Runs `body` unless it has already been run to its end with this key.
    ///
    /// Use it in handlers for work that must not be repeated when a job is delivered twice. It is as good as its store:
    /// if a worker dies between the end of the body and the record of it, the body runs again.
    ///
    /// - Parameters:
    ///   - key: The name of the work, such as `"invoice-17"`.
    ///   - duration: How long the queue remembers that the work is done.
    ///   - lease: How long another worker waits for this one if it dies. The body should take less.
    ///   - body: The work. If it throws, it counts as not done.
    /// - Returns: Whether the body ran.
    /// - Throws: ``OnceInProgress`` if another worker is running the body; the errors of the body.
    @discardableResult
    func once(_ key: String, keptFor duration: Duration, lease: Duration, _ body: () async throws -> Void) async throws
        -> Bool
}

extension JobQueue {
    /// Puts an ordinary job into the queue; see ``put(_:options:)``.
    ///
    /// - Throws: The same errors as ``put(_:options:)``.
    public func put(_ job: Job) async throws { try await put(job, options: JobOptions()) }

    /// A third of the visibility time.
    public var renewalInterval: Duration? { policy.visibility / 3 }

    /// Puts all dead letters back into the queue.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public func retryAllDead() async throws -> Int {
        var count = 0
        for dead in try await deadJobs(limit: policy.maxDead) where try await retryDead(dead.id) { count += 1 }
        return count
    }

    /// Runs `body` unless it has already been run to its end with this key, in the past day; see
    /// ``once(_:keptFor:lease:_:)``.
    ///
    /// - Throws: The same errors as ``once(_:keptFor:lease:_:)``.
    @discardableResult
    public func once(_ key: String, _ body: () async throws -> Void) async throws -> Bool {
        try await once(key, keptFor: .seconds(86_400), lease: policy.visibility, body)
    }
}
