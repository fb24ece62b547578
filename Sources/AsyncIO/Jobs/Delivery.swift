/// A job that a worker has taken from a ``WorkQueue``, with the right to report its outcome.
///
/// ``work(on:limit:grace:isolation:fileID:line:onEvent:_:)`` settles deliveries automatically. A worker that receives
/// them one by one calls ``acknowledge(returning:)``, ``reject(_:)``, or ``handBack()`` once. A delivery that is not
/// settled in time is delivered again, to any worker. After that, settling this one throws ``DeliveryLost`` and has no
/// effect.
public final class Delivery<Job> {
    // Loop thread only.
    /// The job.
    public let job: Job
    /// The identifier of the job, which is the same in each of its deliveries.
    public let id: String
    /// The number of times that the job has been delivered, including this delivery. Deliveries that were handed back
    /// do not count.
    public let attempt: Int
    /// A number that grows with every delivery of the job. A store that remembers the largest token that it has
    /// received can refuse writes from a worker that has lost its delivery.
    public let fencingToken: Int
    /// The context that was put in with the job, such as a request identifier or the headers of a trace.
    public let context: [String: String]
    /// The value that the job returns, if it returns one. ``acknowledge(returning:)`` sets it.
    public var result: (any Codable & Sendable)?
    /// Whether the delivery was acknowledged, rejected, or handed back.
    public private(set) var isSettled = false

    private let perform: (DeliveryAction) async throws -> Void

    /// Creates a delivery, for an implementation of ``WorkQueue``.
    ///
    /// - Parameter perform: Performs an action of the worker, or throws ``DeliveryLost``.
    public init(
        job: Job, id: String, attempt: Int = 1, fencingToken: Int = 1, context: [String: String] = [:],
        perform: @escaping (DeliveryAction) async throws -> Void
    ) {
        self.job = job
        self.id = id
        self.attempt = attempt
        self.fencingToken = fencingToken
        self.context = context
        self.perform = perform
    }

    /// Ends the job successfully.
    ///
    /// - Parameter value: What the job returns; `nil` to return ``result``.
    /// - Throws: ``DeliveryLost`` if the job was given to another worker; ``RuntimeError`` if the delivery is already
    ///   settled; `CancellationError` if the task is cancelled. In that case, the job may or may not have ended, and it
    ///   is safe to call this method again.
    public func acknowledge(returning value: (any Codable & Sendable)? = nil) async throws {
        if let value { result = value }
        try await settle(.acknowledge(result))
    }

    /// Ends this attempt with an error. The job is retried later, or becomes a dead letter.
    ///
    /// - Parameter error: The error. A ``JobFailure`` can specify when the job is retried, or that it is not retried.
    /// - Throws: The same errors as ``acknowledge(returning:)``.
    public func reject(_ error: any Error) async throws {
        try await settle(.reject((error as? JobFailure) ?? JobFailure(describe(error))))
    }

    /// Hands the job back unchanged. It is delivered before other jobs, and this delivery does not count as an attempt.
    ///
    /// - Throws: The same errors as ``acknowledge(returning:)``.
    public func handBack() async throws { try await settle(.handBack) }

    /// Stores the progress of the job.
    ///
    /// - Parameter fraction: From 0 to 1.
    /// - Throws: ``ValueError`` if `fraction` is out of range; the same errors as ``acknowledge(returning:)``.
    public func report(progress fraction: Double) async throws {
        guard (0...1).contains(fraction) else { throw ValueError("progress must be in 0...1, got \(fraction)") }
        if isSettled { throw RuntimeError("the delivery of job \(id) is already settled") }
        try await perform(.progress(fraction))
    }

    private func settle(_ action: DeliveryAction) async throws {
        if isSettled { throw RuntimeError("the delivery of job \(id) is already settled") }
        do { try await perform(action) } catch let error as DeliveryLost {
            isSettled = true
            throw error
        }
        isSettled = true
    }
}

/// An action that a worker requests from the queue of a delivery.
public enum DeliveryAction: Sendable {
    /// The job has ended, and returns a value or nothing.
    case acknowledge((any Codable & Sendable)?)
    /// The attempt has failed.
    case reject(JobFailure)
    /// The job is handed back.
    case handBack
    /// The fraction of the job that is done, from 0 to 1.
    case progress(Double)
}

/// An error thrown when a worker settles a delivery that it has lost because the delivery was not renewed in time.
///
/// The job belongs to another worker, or has ended. The work that this worker did for it may be done twice.
public struct DeliveryLost: Error, CustomStringConvertible, Equatable {
    /// The identifier of the job.
    public let id: String
    /// Creates the error.
    public init(id: String) { self.id = id }
    /// The error as text.
    public var description: String {
        "the delivery of job \(id) was not renewed in time, and is lost"
    }
}

/// An error that a handler can throw to decide whether and when the job is retried.
public struct JobFailure: Error, CustomStringConvertible, Equatable {
    /// A description of what went wrong, which is stored with the job.
    public var message: String
    /// Whether the job becomes a dead letter at once.
    public var isFinal: Bool
    /// The time until the job is retried; `nil` for the backoff of the queue.
    public var retryDelay: Duration?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - message: A description of what went wrong.
    ///   - isFinal: Whether the job becomes a dead letter at once, because another attempt would fail in the same way.
    ///   - retryDelay: The time until the job is retried; `nil` for the backoff of the queue.
    public init(_ message: String, isFinal: Bool = false, retryDelay: Duration? = nil) {
        self.message = message
        self.isFinal = isFinal
        self.retryDelay = retryDelay
    }

    /// The message.
    public var description: String { message }
}
