// # Work in one process or on many machines
//
// A `WorkQueue` hands out deliveries. A delivery is a job, with the right to report its outcome until the delivery is
// settled or lost. `Queue` is the simplest work queue, `LocalJobQueue` has the full set of features in one process, and
// `RedisQueue`, in AsyncIORedis, has them on several machines.

/// A queue that hands out jobs to workers.
///
/// To move a program that uses this protocol, or ``JobQueue``, from one process to many machines, change only the line
/// that creates the queue:
///
/// ```swift
/// let queue = LocalJobQueue<Thumbnail>()                           // in this process
/// let queue = try RedisQueue<Thumbnail>("thumbnails", on: client)   // on any number of machines
/// ```
///
/// | | ``Queue`` | ``LocalJobQueue`` | `RedisQueue` |
/// |---|---|---|---|
/// | survives the end of the process | no | no | yes |
/// | a job whose handler throws | is reported and done | is retried, then becomes a dead letter | the same |
/// | a job that its worker does not settle | stays taken | is delivered again | the same |
///
/// To run the jobs of a queue, use ``work(on:limit:grace:isolation:fileID:line:onEvent:_:)``.
///
/// asyncio: none; the names are those of `asyncio.Queue`.
public protocol WorkQueue<Job>: AnyObject {
    /// The work to be done, as data.
    associatedtype Job

    /// The name of the queue, for metrics and reports.
    var name: String { get }

    /// Puts a job into the queue. Waits for room if the queue is full.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down; `CancellationError` if the task is cancelled.
    func put(_ job: Job) async throws

    /// Waits for a job, and takes it.
    ///
    /// - Returns: The job, and the right to settle it.
    /// - Throws: ``QueueShutDown`` if the queue is shut down and no job is left; `CancellationError` if the task is
    ///   cancelled. In that case, no job is lost.
    func receive() async throws -> Delivery<Job>

    /// Waits for a job, and takes it together with others that are ready.
    ///
    /// A queue on a server implements this so that taking several jobs needs only one round trip.
    ///
    /// - Parameter limit: The maximum number of jobs to take.
    /// - Returns: At least one delivery.
    /// - Throws: The same errors as ``receive()``.
    func receive(atMost limit: Int) async throws -> [Delivery<Job>]

    /// The interval at which deliveries have to be renewed so that no other worker gets their jobs; `nil` if they do
    /// not expire.
    var renewalInterval: Duration? { get }

    /// Extends the time in which these deliveries can be settled.
    ///
    /// - Returns: The outcome for each of them, in order.
    func renew(_ deliveries: [Delivery<Job>]) async throws -> [DeliveryRenewal]

    /// Waits until every job has ended.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    func join() async throws

    /// Shuts the queue down. No more jobs can be put into the queue, and receiving ends when no job is left.
    ///
    /// - Parameter immediate: Whether receiving ends at once. The queues of this package use `false` by default. Code for
    ///   `some WorkQueue` must pass the argument.
    func shutdown(immediate: Bool) async throws
}

/// The outcome of renewing a delivery; see ``WorkQueue/renew(_:)``.
public enum DeliveryRenewal: Sendable, Hashable {
    /// The job belongs to this worker for another period.
    case renewed
    /// The job belongs to another worker, or has ended.
    case lost
    /// The job was cancelled, and its handler should stop.
    case cancelled
}

extension WorkQueue {
    /// The text "queue".
    public var name: String { "queue" }

    /// Takes one job.
    ///
    /// - Throws: The same errors as ``receive()``.
    public func receive(atMost limit: Int) async throws -> [Delivery<Job>] { [try await receive()] }

    /// `nil`, because deliveries do not expire.
    public var renewalInterval: Duration? { nil }

    /// Does nothing.
    public func renew(_ deliveries: [Delivery<Job>]) async throws -> [DeliveryRenewal] {
        deliveries.map { _ in .renewed }
    }

    /// The jobs as they are delivered, until the queue is shut down and no job is left.
    ///
    /// ```swift
    /// for try await delivery in queue.deliveries {
    ///     try await resize(delivery.job)
    ///     try await delivery.acknowledge()
    /// }
    /// ```
    public var deliveries: Deliveries<Self> { Deliveries(queue: self) }
}

/// The jobs of a ``WorkQueue`` as they are delivered.
public struct Deliveries<Source: WorkQueue>: AsyncSequence {
    /// A job, and the right to settle it.
    public typealias Element = Delivery<Source.Job>
    /// Iterating throws the errors of the queue, and `CancellationError` if the task is cancelled.
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
