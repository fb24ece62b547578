/// A job that a worker has taken from a ``WorkQueue``. The worker settles the delivery by reporting the outcome of the
/// job.
///
/// ``work(on:limit:grace:isolation:fileID:line:onEvent:_:)`` settles deliveries automatically. A worker that receives
/// deliveries one by one calls ``acknowledge(returning:)``, ``reject(_:)``, or ``handBack()`` once for each delivery.
/// If a delivery is not settled in time, the queue delivers the job again, possibly to another worker. After that,
/// settling the earlier delivery throws ``DeliveryLost`` and has no effect.
public final class Delivery<Job> {
    // Loop thread only.
    /// The job.
    public let job: Job
    /// The identifier of the job. All deliveries of the job have the same identifier.
    public let id: String
    /// The number of times that the job has been delivered, including this delivery. Deliveries that were handed back
    /// do not count.
    public let attempt: Int
    /// A number that increases with every delivery of the job. A data store that remembers the largest token that it
    /// has received can reject writes from a worker that has lost its delivery.
    public let fencingToken: Int
    /// The context that the producer stored with the job, such as a request identifier or tracing headers.
    public let context: [String: String]
    /// The value that the job returns, or `nil` if it returns no value. ``acknowledge(returning:)`` sets this property.
    public var result: (any Codable & Sendable)?
    /// Whether the delivery has been acknowledged, rejected, or handed back.
    public private(set) var isSettled = false

    private let perform: (DeliveryAction) async throws -> Void

    /// Creates a delivery. Only implementations of ``WorkQueue`` need this initializer.
    ///
    /// - Parameter perform: A closure that performs an action that the worker requests, or throws ``DeliveryLost``.
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
    /// - Parameter value: The value that the job returns; `nil` to return ``result``.
    /// - Throws: ``DeliveryLost`` if the job was given to another worker; ``RuntimeError`` if the delivery is already
    ///   settled; `CancellationError` if the task is cancelled. After a cancellation, the job may or may not have
    ///   ended, and you can safely call this method again.
    public func acknowledge(returning value: (any Codable & Sendable)? = nil) async throws {
        if let value { result = value }
        try await settle(.acknowledge(result))
    }

    /// Ends this attempt with an error. The queue retries the job later, or stores it as a dead letter.
    ///
    /// - Parameter error: The error. Use a ``JobFailure`` to specify when the job is retried, or to prevent a retry.
    /// - Throws: The same errors as ``acknowledge(returning:)``.
    public func reject(_ error: any Error) async throws {
        try await settle(.reject((error as? JobFailure) ?? JobFailure(describe(error))))
    }

    /// Hands the job back to the queue unchanged. The queue delivers the job before other jobs, and does not count this
    /// delivery as an attempt.
    ///
    /// - Throws: The same errors as ``acknowledge(returning:)``.
    public func handBack() async throws { try await settle(.handBack) }

    /// Stores the progress of the job.
    ///
    /// - Parameter fraction: The fraction of the job that is done, from 0 to 1.
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

/// An action that a worker asks the queue to perform on a delivery.
public enum DeliveryAction: Sendable {
    /// The job has ended successfully. The associated value is the value that the job returns, or `nil`.
    case acknowledge((any Codable & Sendable)?)
    /// The attempt has failed.
    case reject(JobFailure)
    /// The worker hands the job back to the queue.
    case handBack
    /// The worker reports the fraction of the job that is done, from 0 to 1.
    case progress(Double)
}

/// An error thrown when a worker settles a delivery that it has lost because it did not renew the delivery in time.
///
/// The job now belongs to another worker, or has ended. The work may be done twice.
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
    /// A description of the failure. The queue stores it with the job.
    public var message: String
    /// Whether the job becomes a dead letter without further attempts.
    public var isFinal: Bool
    /// The time after which the job is retried; `nil` to use the backoff of the queue.
    public var retryDelay: Duration?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - message: A description of the failure.
    ///   - isFinal: Whether the job becomes a dead letter immediately, because another attempt would fail in the same
    ///     way.
    ///   - retryDelay: The time after which the job is retried; `nil` to use the backoff of the queue.
    public init(_ message: String, isFinal: Bool = false, retryDelay: Duration? = nil) {
        self.message = message
        self.isFinal = isFinal
        self.retryDelay = retryDelay
    }

    /// The message.
    public var description: String { message }
}
