/// Where a job is in its life.
public enum JobState: String, Sendable, CaseIterable {
    /// It waits for a worker.
    case waiting
    /// It waits for the end of other jobs with the same ``JobOptions/orderKey``.
    case held
    /// It waits for its time, at first or between attempts.
    case delayed
    /// A worker has it.
    case running
    /// It has ended successfully.
    case done
    /// It was cancelled.
    case cancelled
    /// All of its attempts failed, and it is kept as a dead letter.
    case dead

    /// Whether the job has ended. A dead letter has, but can be retried.
    public var isOver: Bool { self == .done || self == .cancelled || self == .dead }
}

/// What a queue knows about a job.
public struct JobStatus: Sendable, Hashable {
    /// The identifier of the job.
    public let id: String
    /// Where the job is in its life.
    public let state: JobState
    /// How many times the job has been delivered.
    public let attempts: Int
    /// The error of the latest attempt that failed.
    public let error: String?
    /// The part that is done, from 0 to 1, if a worker has reported it.
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

/// How many jobs a queue has in each state.
public struct JobCounts: Sendable, Hashable {
    /// Jobs that wait for a worker, or for other jobs with the same key.
    public var waiting = 0
    /// Jobs that wait for their time.
    public var delayed = 0
    /// Jobs that a worker has.
    public var running = 0
    /// Dead letters.
    public var dead = 0
    /// Jobs that have ended successfully, since the queue was created.
    public var done = 0
    /// Attempts that have failed, since the queue was created.
    public var failures = 0
    /// Deliveries that were not settled in time, since the queue was created.
    public var lost = 0
    /// Whether the queue is paused.
    public var isPaused = false

    /// Creates counts that are all zero.
    public init() {}

    /// Jobs that have not ended.
    public var unfinished: Int { waiting + delayed + running }
}

/// A job that is not tried again.
public struct DeadJob<Job> {
    /// The identifier of the job.
    public let id: String
    /// The job; `nil` if it cannot be decoded.
    public let job: Job?
    /// The error of the latest attempt.
    public let error: String
    /// How many times the job was delivered.
    public let attempts: Int
    /// When it became a dead letter, since 1 January 1970 at 00:00 UTC.
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

/// The answer to putting a job into a ``JobQueue``.
public struct JobTicket: Sendable, Hashable {
    /// The identifier of the job: of this one, or of the one that is in its place.
    public let id: String
    /// Whether the job was put in. It was not if the queue knows its identifier, or has another job with its
    /// ``JobOptions/uniqueKey``.
    public let wasAdded: Bool

    /// Creates a ticket, for an implementation of ``JobQueue``.
    public init(id: String, wasAdded: Bool) {
        self.id = id
        self.wasAdded = wasAdded
    }
}

/// An error thrown when the result of a job is requested that the queue does not know, or not anymore.
public struct UnknownJob: Error, CustomStringConvertible, Equatable {
    /// The identifier.
    public let id: String
    /// Creates the error.
    public init(id: String) { self.id = id }
    /// The error as text.
    public var description: String { "the queue does not know a job \(id); it may have ended long ago" }
}

/// An error thrown when the result of a job is requested that has not ended successfully.
public struct JobFailed: Error, CustomStringConvertible, Equatable {
    /// What the queue knows about the job.
    public let status: JobStatus
    /// Creates the error.
    public init(_ status: JobStatus) { self.status = status }
    /// The error as text.
    public var description: String {
        status.state == .cancelled
            ? "job \(status.id) was cancelled"
            : "job \(status.id) failed \(status.attempts) times, at last with: \(status.error ?? "no error")"
    }
}

/// An error thrown when work that is to be done once is being done by another worker; see
/// ``JobQueue/once(_:keptFor:lease:_:)``.
public struct OnceInProgress: Error, CustomStringConvertible, Equatable {
    /// The key of the work.
    public let key: String
    /// Creates the error.
    public init(key: String) { self.key = key }
    /// The error as text.
    public var description: String { "another worker is doing the work with the key \"\(key)\"" }
}
