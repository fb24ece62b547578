// # Work in one process or on many machines
//
// A `WorkQueue` hands out deliveries. A delivery is a job, with the right to report its outcome until the delivery is
// settled or lost. `Queue` is the simplest work queue, `LocalJobQueue` has the full set of features in one process, and
// `RedisQueue`, in AsyncIORedis, has them on several machines.

/// A queue that hands out jobs to workers.
///
/// To move a program that uses this protocol or ``JobQueue`` from one process to many machines, change only the line
/// that creates the queue:
///
/// ```swift
/// let queue = LocalJobQueue<Thumbnail>()                           // in this process
/// let queue = try RedisQueue<Thumbnail>("thumbnails", on: client)   // on any number of machines
/// ```
///
/// | | ``Queue`` | ``LocalJobQueue`` | `RedisQueue` |
/// |---|---|---|---|
/// | When the process ends | jobs are lost | jobs are lost | jobs remain |
/// | When a handler throws | the job is done | the job is retried, then becomes a dead letter | the same |
/// | When a worker does not settle a job | the job stays unfinished | the job is delivered again | the same |
///
/// To run the jobs of a queue, use ``work(on:limit:grace:isolation:fileID:line:onEvent:_:)``.
///
/// asyncio: none; the names are those of `asyncio.Queue`.
public protocol WorkQueue<Job>: AnyObject {
    /// The type of the jobs, which describe the work as data.
    associatedtype Job

    /// The name of the queue, for metrics and reports.
    var name: String { get }

    /// Puts a job into the queue. If the queue is full, this method first waits for room.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down; `CancellationError` if the task is cancelled.
    func put(_ job: Job) async throws

    /// Waits for a job, and takes it.
    ///
    /// - Returns: A delivery of the job.
    /// - Throws: ``QueueShutDown`` if the queue is shut down and no job is left; `CancellationError` if the task is
    ///   cancelled. In that case, no job is lost.
    func receive() async throws -> Delivery<Job>

    /// Waits for a job, and takes it together with other ready jobs.
    ///
    /// A queue on a server implements this method so that a worker can take several jobs in one round trip.
    ///
    /// - Parameter limit: The maximum number of jobs to take.
    /// - Returns: At least one delivery.
    /// - Throws: The same errors as ``receive()``.
    func receive(atMost limit: Int) async throws -> [Delivery<Job>]

    /// The interval at which a worker must renew its deliveries to prevent the queue from delivering their jobs again;
    /// `nil` if deliveries do not expire.
    var renewalInterval: Duration? { get }

    /// Extends the time within which the deliveries can be settled.
    ///
    /// - Returns: The outcome for each delivery, in the same order.
    func renew(_ deliveries: [Delivery<Job>]) async throws -> [DeliveryRenewal]

    /// Waits until every job has ended.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    func join() async throws

    /// Shuts the queue down. After that, no more jobs can be put into the queue, and workers can receive jobs until no
    /// job is left.
    ///
    /// - Parameter immediate: Whether workers stop receiving jobs immediately. The queues of this package use `false`
    ///   by default. Code that uses `some WorkQueue` must pass the argument.
    func shutdown(immediate: Bool) async throws
}

/// The outcome of renewing a delivery; see ``WorkQueue/renew(_:)``.
public enum DeliveryRenewal: Sendable, Hashable {
    /// The delivery is valid for another period.
    case renewed
    /// The job now belongs to another worker, or has ended.
    case lost
    /// The job was cancelled, and its handler should stop.
    case cancelled
}

extension WorkQueue {
    /// The default name, `"queue"`.
    public var name: String { "queue" }

    /// Waits for one job, and takes it.
    ///
    /// - Throws: The same errors as ``receive()``.
    public func receive(atMost limit: Int) async throws -> [Delivery<Job>] { [try await receive()] }

    /// The default value, `nil`, which means that deliveries do not expire.
    public var renewalInterval: Duration? { nil }

    /// Does nothing, and returns ``DeliveryRenewal/renewed`` for each delivery.
    public func renew(_ deliveries: [Delivery<Job>]) async throws -> [DeliveryRenewal] {
        deliveries.map { _ in .renewed }
    }

    /// An asynchronous sequence of the queue's deliveries. The sequence ends when the queue is shut down and no job is
    /// left.
    ///
    /// ```swift
    /// for try await delivery in queue.deliveries {
    ///     try await resize(delivery.job)
    ///     try await delivery.acknowledge()
    /// }
    /// ```
    public var deliveries: Deliveries<Self> { Deliveries(queue: self) }
}

/// An asynchronous sequence of the deliveries of a ``WorkQueue``.
public struct Deliveries<Source: WorkQueue>: AsyncSequence {
    /// A delivery, which contains a job and the methods that settle it.
    public typealias Element = Delivery<Source.Job>
    /// The type of the errors that iterating throws; see ``WorkQueue/receive()``.
    public typealias Failure = any Error

    fileprivate let queue: Source

    /// Returns an iterator that receives from the queue.
    public func makeAsyncIterator() -> Iterator { Iterator(queue: queue) }

    /// An iterator that receives from a queue.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let queue: Source

        /// Waits for a job; see ``WorkQueue/receive()``.
        ///
        /// - Returns: The delivery, or `nil` if the queue is shut down and no job is left.
        /// - Throws: The errors of the queue; `CancellationError` if the task is cancelled.
        public mutating func next() async throws -> Element? {
            do { return try await queue.receive() } catch is QueueShutDown { return nil }
        }

        /// Waits for a job; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do { return try await queue.receive() } catch is QueueShutDown { return nil }
        }
    }
}
