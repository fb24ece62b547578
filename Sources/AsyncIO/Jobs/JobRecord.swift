/// The data of a job in a ``LocalJobQueue``. Loop thread only.
final class JobRecord<Job> {
    let id: String
    let priority: JobPriority
    let uniqueKey: String?
    let orderKey: String?
    let context: [String: String]
    /// Released when the job has ended.
    var job: Job?
    var state = JobState.waiting
    var attempts = 0
    /// Grows with each delivery, and when a delivery is handed back.
    var fencingToken = 0
    /// When a delayed job is due, or the delivery of a running one expires, on the loop's clock.
    var due: Int64 = 0
    var error: String?
    var progress: Double?
    var result: (any Codable & Sendable)?
    var isCancelRequested = false
    /// Whether the job has a place in the queue of its order key.
    var isInLine = false
    /// When the job became a dead letter.
    var deathDate = Duration.zero
    /// The tasks that wait for the end of the job.
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

/// A scheduled action on a job. It is skipped if the job's state or time has changed by then.
struct TimedJob<Job>: Comparable {
    let due: Int64
    let sequence: Int
    let record: JobRecord<Job>

    static func < (one: Self, other: Self) -> Bool { (one.due, one.sequence) < (other.due, other.sequence) }
    static func == (one: Self, other: Self) -> Bool { one.sequence == other.sequence }
}
