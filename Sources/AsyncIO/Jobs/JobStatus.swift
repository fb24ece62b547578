/// The state of a job.
public enum JobState: String, Sendable, CaseIterable {
    /// The job is waiting for a worker.
    case waiting
    /// The job is waiting for other jobs with the same ``JobOptions/orderKey`` to end.
    case held
    /// The job is not due yet. It is waiting for its first attempt or for a retry.
    case delayed
    /// A worker has taken the job.
    case running
    /// The job has ended successfully.
    case done
    /// The job was cancelled.
    case cancelled
    /// All attempts failed, and the job is stored as a dead letter.
    case dead

    /// Whether the job has ended. A dead letter counts as ended, although it can be retried.
    public var isOver: Bool { self == .done || self == .cancelled || self == .dead }
}

/// The status of a job in a queue.
public struct JobStatus: Sendable, Hashable {
    /// The identifier of the job.
    public let id: String
    /// The state of the job.
    public let state: JobState
    /// The number of times that the job has been delivered.
    public let attempts: Int
    /// The error of the latest failed attempt, or `nil` if no attempt has failed.
    public let error: String?
    /// The fraction of the job that is done, from 0 to 1, or `nil` if no worker has reported it.
    public let progress: Double?

    /// Creates a status. Only implementations of ``JobQueue`` need this initializer.
    public init(id: String, state: JobState, attempts: Int = 0, error: String? = nil, progress: Double? = nil) {
        self.id = id
        self.state = state
        self.attempts = attempts
        self.error = error
        self.progress = progress
    }
}

/// The number of jobs in each state of a queue.
public struct JobCounts: Sendable, Hashable {
    /// The number of jobs that are waiting for a worker, or for other jobs with the same key.
    public var waiting = 0
    /// The number of jobs that are not due yet.
    public var delayed = 0
    /// The number of running jobs.
    public var running = 0
    /// The number of dead letters.
    public var dead = 0
    /// The number of jobs that have ended successfully since the queue was created.
    public var done = 0
    /// The number of attempts that have failed since the queue was created.
    public var failures = 0
    /// The number of deliveries since the queue was created that were not settled in time.
    public var lost = 0
    /// Whether the queue is paused.
    public var isPaused = false

    /// Creates counts that are all zero.
    public init() {}

    /// The number of jobs that have not ended.
    public var unfinished: Int { waiting + delayed + running }
}

/// A dead letter, which is a job that has failed and will not be retried automatically.
public struct DeadJob<Job> {
    /// The identifier of the job.
    public let id: String
    /// The job, or `nil` if it cannot be decoded.
    public let job: Job?
    /// The error of the latest attempt.
    public let error: String
    /// The number of times that the job was delivered.
    public let attempts: Int
    /// The time at which the job became a dead letter, as the time since 1 January 1970 at 00:00 UTC.
    public let date: Duration

    /// Creates a dead letter. Only implementations of ``JobQueue`` need this initializer.
    public init(id: String, job: Job?, error: String, attempts: Int, date: Duration) {
        self.id = id
        self.job = job
        self.error = error
        self.attempts = attempts
        self.date = date
    }
}

extension DeadJob: Sendable where Job: Sendable {}

/// The result of putting a job into a ``JobQueue``.
public struct JobTicket: Sendable, Hashable {
    /// The identifier of the added job, or of the existing job that prevented the new job from being added.
    public let id: String
    /// Whether the job was added. The value is `false` if the queue already has a job with the same identifier or the
    /// same ``JobOptions/uniqueKey``.
    public let wasAdded: Bool

    /// Creates a ticket. Only implementations of ``JobQueue`` need this initializer.
    public init(id: String, wasAdded: Bool) {
        self.id = id
        self.wasAdded = wasAdded
    }
}

/// An error thrown when a program waits for a job that the queue does not have. The job may never have existed, or may
/// have ended long ago.
public struct UnknownJob: Error, CustomStringConvertible, Equatable {
    /// The identifier of the job.
    public let id: String
    /// Creates the error.
    public init(id: String) { self.id = id }
    /// The error as text.
    public var description: String { "the queue has no job \(id); the job may have ended long ago" }
}

/// An error thrown when a program asks for the result of a job that has not ended successfully.
public struct JobFailed: Error, CustomStringConvertible, Equatable {
    /// The status of the job.
    public let status: JobStatus
    /// Creates the error.
    public init(_ status: JobStatus) { self.status = status }
    /// The error as text.
    public var description: String {
        status.state == .cancelled
            ? "job \(status.id) was cancelled"
            : "job \(status.id) failed \(status.attempts) times; the last error: \(status.error ?? "no error")"
    }
}

/// An error thrown when another worker is doing work that should be done only once; see
/// ``JobQueue/once(_:keptFor:lease:_:)``.
public struct OnceInProgress: Error, CustomStringConvertible, Equatable {
    /// The key that identifies the work.
    public let key: String
    /// Creates the error.
    public init(key: String) { self.key = key }
    /// The error as text.
    public var description: String { "another worker is doing the work with the key \"\(key)\"" }
}
