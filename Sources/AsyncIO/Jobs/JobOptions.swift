/// The urgency of a job. Jobs with a higher priority are delivered first, no matter how old other jobs are.
public enum JobPriority: Int, Sendable, CaseIterable, Codable {
    /// The job is delivered before all others.
    case high
    /// The default priority.
    case normal
    /// The job is delivered after all others.
    case low
}

/// The options of a job that is put into a ``JobQueue``.
public struct JobOptions: Sendable {
    /// The identifier of the job; `nil` for a random one.
    ///
    /// Putting a job whose identifier the queue already stores has no effect. Therefore, a producer that does not know
    /// whether a put has succeeded can repeat it, and several machines can put the same scheduled job. The queue
    /// remembers an identifier for ``JobPolicy/retention`` after the job has ended.
    public var id: String?
    /// The time for which the job waits before it can be delivered. ``date`` takes precedence.
    public var delay: Duration?
    /// The earliest time, since 1 January 1970 at 00:00 UTC, at which the job can be delivered, as in a ``Schedule``.
    public var date: Duration?
    /// The urgency of the job.
    public var priority: JobPriority
    /// A key that only one job can have at a time, from the moment it is put in until it ends or becomes a dead letter.
    /// During that time, another job with the same key is not added.
    public var uniqueKey: String?
    /// Jobs with the same key run one after another, in the order in which they were put in, or became due. A job that
    /// is retried keeps its place.
    public var orderKey: String?
    /// Values that are delivered with the job, such as a request identifier. With the package trait `Tracing`, the
    /// tracing headers of the span that covers the put are added.
    public var context: [String: String]

    /// Creates options. Without arguments, the job has no special conditions and can run at once.
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

/// The rules of a ``JobQueue``. All programs that use a queue should use the same rules.
public struct JobPolicy: Sendable {
    /// The time for which a delivery is valid if it is not renewed. After that, the job is delivered again. The jobs of
    /// a worker that is killed are delayed by this time, and a worker that is stopped for longer than this causes
    /// duplicate deliveries.
    public var visibility: Duration
    /// The number of times that a job is delivered before it becomes a dead letter.
    public var maxDeliveries: Int
    /// The time for which a job waits after a failed attempt.
    public var backoff: Backoff
    /// The maximum number of waiting jobs; zero or less for no limit. Jobs that are retried can exceed this limit.
    public var maxLength: Int
    /// The time for which the result and the identifier of a job are stored after its end.
    public var retention: Duration
    /// The maximum number of dead letters. When there are more, the oldest is dropped.
    public var maxDead: Int
    /// The limit on the number of jobs that all workers together receive per period; `nil` for no limit.
    public var rate: Rate?

    /// A limit on the rate at which jobs are delivered; see ``RateLimiter``.
    public struct Rate: Sendable, Hashable {
        /// The maximum number of jobs in each period.
        public var count: Int
        /// The period.
        public var period: Duration
        /// The maximum number of saved permits.
        public var burst: Int

        /// Creates a limit.
        ///
        /// - Parameters:
        ///   - count: The maximum number of jobs in each period.
        ///   - period: The period.
        ///   - burst: The maximum number of saved permits; `nil` for `count`.
        public init(_ count: Int, per period: Duration, burst: Int? = nil) {
            self.count = count
            self.period = period
            self.burst = burst ?? count
        }
    }

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - visibility: The time for which a delivery is valid if it is not renewed.
    ///   - maxDeliveries: The number of times that a job is delivered before it becomes a dead letter.
    ///   - backoff: The time for which a job waits after a failed attempt.
    ///   - maxLength: The maximum number of waiting jobs; zero or less for no limit.
    ///   - retention: The time for which the result and the identifier of a job are stored after its end.
    ///   - maxDead: The maximum number of dead letters.
    ///   - rate: The limit on the number of jobs per period; `nil` for no limit.
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
