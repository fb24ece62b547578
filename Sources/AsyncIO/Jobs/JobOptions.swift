/// The priority of a job. The queue delivers jobs with a higher priority first, no matter how long other jobs have
/// waited.
public enum JobPriority: Int, Sendable, CaseIterable, Codable {
    /// High priority. The job is delivered before jobs with a lower priority.
    case high
    /// Normal priority, which is the default.
    case normal
    /// Low priority. The job is delivered after jobs with a higher priority.
    case low
}

/// The options of a job that is put into a ``JobQueue``.
public struct JobOptions: Sendable {
    /// The identifier of the job; `nil` for a random identifier.
    ///
    /// If the queue already stores a job with the same identifier, putting this job into the queue has no effect.
    /// Therefore, a producer that does not know whether its job was added can put the job into the queue again, and
    /// several machines can put the same scheduled job into the queue. After a job has ended, the queue remembers its
    /// identifier for ``JobPolicy/retention``.
    public var id: String?
    /// The time for which the job waits before it can be delivered. The queue ignores this delay if ``date`` is set.
    public var delay: Duration?
    /// The earliest time at which the job can be delivered, as the time since 1 January 1970 at 00:00 UTC; see
    /// ``Schedule``.
    public var date: Duration?
    /// The priority of the job.
    public var priority: JobPriority
    /// A key that only one job at a time can have. Until this job ends or becomes a dead letter, the queue does not add
    /// another job with the same key.
    public var uniqueKey: String?
    /// A key for jobs that must run in order. Jobs with the same key run one after another, in the order in which they
    /// were put into the queue or became due. A retried job keeps its place.
    public var orderKey: String?
    /// Values that are delivered with the job, such as a request identifier. With the package trait `Tracing`, the
    /// queue adds the tracing headers of the span in which the job is put into the queue.
    public var context: [String: String]

    /// Creates options. By default, the job has normal priority and no keys, and can run immediately.
    public init(
        id: String? = nil, delay: Duration? = nil, date: Duration? = nil, priority: JobPriority = .normal,
        uniqueKey: String? = nil, orderKey: String? = nil, context: [String: String] = [:]
    ) {
        self.id = id
        self.delay = delay
        self.date = date
        self.priority = priority
        self.uniqueKey = uniqueKey
        self.orderKey = orderKey
        self.context = context
    }

    /// - Throws: ``ValueError`` if an identifier or a key is empty.
    package func validate() throws(ValueError) {
        for (name, text) in [("id", id), ("uniqueKey", uniqueKey), ("orderKey", orderKey)] where text == "" {
            throw ValueError("the \(name) of a job must not be empty; omit it, or pass nil")
        }
    }
}

/// The rules of a ``JobQueue``. All programs that share a queue should use the same rules.
public struct JobPolicy: Sendable {
    /// The time for which a delivery is valid without a renewal. After this time, the queue delivers the job again. If
    /// a worker is killed, its jobs are delayed by up to this time. If a worker is suspended for longer than this time,
    /// its jobs are delivered twice.
    public var visibility: Duration
    /// The maximum number of times that a job is delivered. If the last attempt fails, the job becomes a dead letter.
    public var maxDeliveries: Int
    /// The backoff, which determines how long a job waits after a failed attempt.
    public var backoff: Backoff
    /// The maximum number of waiting jobs; zero or less for no limit. Retried jobs can exceed this limit.
    public var maxLength: Int
    /// The time for which the queue stores the result and the identifier of a job after the job has ended.
    public var retention: Duration
    /// The maximum number of dead letters. When this number is exceeded, the queue drops the oldest dead letter.
    public var maxDead: Int
    /// The limit on the rate at which all workers together receive jobs; `nil` for no limit.
    public var rate: Rate?

    /// A limit on the rate at which jobs are delivered; see ``RateLimiter``.
    public struct Rate: Sendable, Hashable {
        /// The maximum number of jobs in each period.
        public var count: Int
        /// The period.
        public var period: Duration
        /// The maximum number of unused permits that are saved for later jobs.
        public var burst: Int

        /// Creates a rate limit.
        ///
        /// - Parameters:
        ///   - count: The maximum number of jobs in each period.
        ///   - period: The period.
        ///   - burst: The maximum number of unused permits that are saved for later jobs; `nil` to use `count`.
        public init(_ count: Int, per period: Duration, burst: Int? = nil) {
            self.count = count
            self.period = period
            self.burst = burst ?? count
        }
    }

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - visibility: The time for which a delivery is valid without a renewal.
    ///   - maxDeliveries: The maximum number of times that a job is delivered. If the last attempt fails, the job
    ///     becomes a dead letter.
    ///   - backoff: The backoff, which determines how long a job waits after a failed attempt.
    ///   - maxLength: The maximum number of waiting jobs; zero or less for no limit.
    ///   - retention: The time for which the queue stores the result and the identifier of a job after the job has
    ///     ended.
    ///   - maxDead: The maximum number of dead letters.
    ///   - rate: The limit on the rate at which all workers together receive jobs; `nil` for no limit.
    public init(
        visibility: Duration = .seconds(30), maxDeliveries: Int = 5,
        backoff: Backoff = Backoff(initial: .seconds(1), maximum: .seconds(600)), maxLength: Int = 0,
        retention: Duration = .seconds(600), maxDead: Int = 10_000, rate: Rate? = nil
    ) {
        self.visibility = visibility
        self.maxDeliveries = maxDeliveries
        self.backoff = backoff
        self.maxLength = maxLength
        self.retention = retention
        self.maxDead = maxDead
        self.rate = rate
    }

    /// - Throws: ``ValueError`` if a number is out of range.
    package func validate() throws(ValueError) {
        if visibility < .milliseconds(10) {
            throw ValueError("visibility must be at least 10 milliseconds, got \(visibility)")
        }
        if maxDeliveries < 1 { throw ValueError("maxDeliveries must be at least 1, got \(maxDeliveries)") }
        if retention <= .zero { throw ValueError("retention must be positive, got \(retention)") }
        if maxDead < 1 { throw ValueError("maxDead must be at least 1, got \(maxDead)") }
        guard let rate else { return }
        if rate.count < 1 { throw ValueError("the count of a rate must be positive, got \(rate.count)") }
        if rate.burst < 1 { throw ValueError("the burst of a rate must be positive, got \(rate.burst)") }
        if rate.period <= .zero { throw ValueError("the period of a rate must be positive, got \(rate.period)") }
    }
}
