/// The data of a job in a ``LocalJobQueue``. This class is used only on the loop's thread.
final class JobRecord<Job> {
    let id: String
    let priority: JobPriority
    let uniqueKey: String?
    let orderKey: String?
    let context: [String: String]
    /// The job, or nil after the job has ended.
    var job: Job?
    var state = JobState.waiting
    var attempts = 0
    /// A number that increases each time the job is delivered or handed back.
    var fencingToken = 0
    /// The time, on the loop's clock, at which a delayed job is due or the delivery of a running job expires.
    var due: Int64 = 0
    var error: String?
    var progress: Double?
    var result: (any Codable & Sendable)?
    var isCancelRequested = false
    /// Whether the job is in the queue of its order key.
    var isInLine = false
    /// The time at which the job became a dead letter.
    var deathDate = Duration.zero
    /// The tasks that are waiting for the job to end.
    let end = WaitQueue()

    init(_ job: Job, id: String, options: JobOptions) {
        self.job = job
        self.id = id
        priority = options.priority
        uniqueKey = options.uniqueKey
        orderKey = options.orderKey
        context = options.context
    }

    var status: JobStatus { JobStatus(id: id, state: state, attempts: attempts, error: error, progress: progress) }
}

/// A scheduled action on a job. The queue skips the action if the state or the due time of the job has changed.
struct TimedJob<Job>: Comparable {
    let due: Int64
    let sequence: Int
    let record: JobRecord<Job>

    static func < (one: Self, other: Self) -> Bool { (one.due, one.sequence) < (other.due, other.sequence) }
    static func == (one: Self, other: Self) -> Bool { one.sequence == other.sequence }
}
