/// The state of a job.
public enum JobState: String, Sendable, CaseIterable {
    /// The job is waiting for a worker.
    case waiting
    /// The job is waiting for the end of other jobs with the same ``JobOptions/orderKey``.
    case held
    /// The job is waiting for the time at which it is due, before the first attempt or between attempts.
    case delayed
    /// A worker has taken the job.
    case running
    /// The job has ended successfully.
    case done
    /// The job was cancelled.
    case cancelled
    /// All attempts failed, and the job is stored as a dead letter.
    case dead

    /// Whether the job has ended. A dead letter has ended, but can be retried.
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
    /// The error of the latest attempt that failed.
    public let error: String?
    /// The fraction that is done, from 0 to 1, if a worker has reported it.
    public let progress: Double?

    /// Creates a status, for an implementation of ``JobQueue``.
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
    /// The number of jobs that wait for a worker, or for other jobs with the same key.
    public var waiting = 0
    /// The number of jobs that are not due yet.
    public var delayed = 0
    /// The number of jobs that a worker has taken.
    public var running = 0
    /// The number of dead letters.
    public var dead = 0
    /// The number of jobs that have ended successfully since the queue was created.
    public var done = 0
    /// The number of attempts that have failed since the queue was created.
    public var failures = 0
    /// The number of deliveries that were not settled in time since the queue was created.
    public var lost = 0
    /// Whether the queue is paused.
    public var isPaused = false

    /// Creates counts that are all zero.
    public init() {}

    /// The number of jobs that have not ended.
    public var unfinished: Int { waiting + delayed + running }
}

/// A job that has failed and is not retried.
public struct DeadJob<Job> {
    /// The identifier of the job.
    public let id: String
    /// The job; `nil` if it cannot be decoded.
    public let job: Job?
    /// The error of the latest attempt.
    public let error: String
    /// The number of times that the job was delivered.
    public let attempts: Int
    /// The time, since 1 January 1970 at 00:00 UTC, at which the job became a dead letter.
    public let date: Duration

    /// Creates a dead letter, for an implementation of ``JobQueue``.
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
    /// The identifier of the job, or of the existing job that prevented it from being added.
    public let id: String
    /// Whether the job was added. It is `false` if the queue already has the identifier, or has another job with the
    /// same ``JobOptions/uniqueKey``.
    public let wasAdded: Bool

    /// Creates a ticket, for an implementation of ``JobQueue``.
    public init(id: String, wasAdded: Bool) {
        self.id = id
        self.wasAdded = wasAdded
    }
}

/// An error thrown when a program waits for the end or the result of a job that the queue does not have, or no longer
/// has.
public struct UnknownJob: Error, CustomStringConvertible, Equatable {
    /// The identifier.
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
    /// The key of the work.
    public let key: String
    /// Creates the error.
    public init(key: String) { self.key = key }
    /// The error as text.
    public var description: String { "another worker is doing the work with the key \"\(key)\"" }
}
