internal import AsyncIOSystem
internal import DequeModule
internal import HeapModule

/// A ``JobQueue`` that stores its jobs in the memory of this process.
///
/// ```swift
/// let queue = LocalJobQueue<Thumbnail>()
/// try await queue.put(Thumbnail(of: photo), options: JobOptions(uniqueKey: photo))
/// try await work(on: queue, limit: 4) { delivery in try await resize(delivery.job) }
/// ```
///
/// This queue follows the same rules as `RedisQueue`, so you can test a program in memory and in virtual time. The jobs
/// are lost when the process ends. The queue belongs to one loop.
///
/// asyncio: none; the closest equivalent is `asyncio.Queue`.
public final class LocalJobQueue<Job>: JobQueue {
    typealias Record = JobRecord<Job>

    // Loop thread only.
    var records: [String: Record] = [:]
    /// The ready jobs, in one queue per priority. Workers skip records whose state is no longer `waiting`.
    var ready = Array(repeating: Deque<Record>(), count: JobPriority.allCases.count)
    /// Delayed jobs, deliveries that can expire, and ended jobs that the queue will forget.
    private var timed = Heap<TimedJob<Job>>()
    private var sequence = 0
    private var timer: TimerHandle?
    private var timerDue = Int64.max
    /// Maps each unique key to the job that has it.
    var unique: [String: String] = [:]
    /// Maps each order key to the jobs that have it. The first job is running, or is the next to run.
    var lines: [String: Deque<Record>] = [:]
    /// Dead letters, the oldest first.
    var dead: [Record] = []
    var tally = JobCounts()
    /// The work that `once` has started or completed, by key. Each value contains the time until which the queue
    /// remembers the work, and whether the work is done.
    var onces: [String: (until: Int64, isDone: Bool)] = [:]
    /// The time, on the loop's clock, at which a worker last asked for jobs or renewed deliveries.
    private(set) var lastHeartbeat: Int64?
    private let limiter: RateLimiter?
    /// A lock that a task holds while it waits for a permit.
    private let turn = Lock()
    let getters = WaitQueue()
    let putters = WaitQueue()
    let joiners = WaitQueue()
    var generator = SystemRandomNumberGenerator()

    /// The name of the queue, for metrics and reports.
    public let name: String
    /// The rules of the queue.
    public let policy: JobPolicy
    /// Whether ``shutdown(immediate:)`` has been called.
    public private(set) var isShutDown = false

    /// Creates an empty queue.
    ///
    /// - Parameters:
    ///   - name: The name of the queue, for metrics and reports.
    ///   - policy: The rules of the queue.
    /// - Precondition: The numbers in `policy` are in range. For numbers that are known only at run time, use
    ///   ``init(_:validating:)``.
    public init(_ name: String = "queue", policy: JobPolicy = JobPolicy()) {
        do { try policy.validate() } catch { stop(error.message, instead: "LocalJobQueue(validating:)") }
        self.name = name
        self.policy = policy
        limiter = policy.rate.map { RateLimiter($0.count, per: $0.period, burst: $0.burst) }
    }

    /// Creates an empty queue with rules that are known only at run time.
    ///
    /// - Throws: ``ValueError`` if a number in `policy` is out of range.
    public convenience init(_ name: String = "queue", validating policy: JobPolicy) throws(ValueError) {
        try policy.validate()
        self.init(name, policy: policy)
    }

    deinit { timer?.cancel() }

    // MARK: Putting

    /// Puts a job into the queue; see ``JobQueue/put(_:options:)``.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down; ``ValueError`` if an option is not valid;
    ///   `CancellationError` if the task is cancelled while it waits. When this method throws, the job is not in the
    ///   queue.
    @discardableResult
    public func put(_ job: Job, options: JobOptions) async throws -> JobTicket {
        try options.validate()
        var options = options
        let id = options.id ?? randomID()
        return try await JobTrace.put(on: name, id: id, context: options.context) { context in
            options.context = context
            return try await put(job, id: id, options)
        }
    }

    private func put(_ job: Job, id: String, _ options: JobOptions) async throws -> JobTicket {
        while true {
            if isShutDown { throw QueueShutDown() }
            if records[id] != nil { return JobTicket(id: id, wasAdded: false) }
            if let key = options.uniqueKey, let id = unique[key] { return JobTicket(id: id, wasAdded: false) }
            if !isFull { break }
            try await putters.park(
                for: "LocalJobQueue.put()", on: self, ifCancelled: { [self] in if $0, !isFull { putters.wakeFirst() } })
        }
        let record = Record(job, id: id, options: options)
        records[record.id] = record
        if let key = record.uniqueKey { unique[key] = record.id }
        let now = loopTime
        let delay = options.date.map { $0 - Calendar.now() } ?? options.delay ?? .zero
        if delay > .zero { postpone(record, until: now.advanced(by: delay)) } else { makeReady(record) }
        return JobTicket(id: record.id, wasAdded: true)
    }

    private var isFull: Bool { policy.maxLength > 0 && tally.waiting + tally.delayed >= policy.maxLength }

    // MARK: Receiving

    /// Waits for a job, and takes it; see ``WorkQueue/receive()``.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down and every job has ended; `CancellationError` if the task
    ///   is cancelled. In that case, no job is lost.
    public func receive() async throws -> Delivery<Job> {
        lastHeartbeat = loopTime
        while true {
            if isShutDown, tally.unfinished == 0 { throw QueueShutDown() }
            if !tally.isPaused, try await takePermit(), let record = nextRecord() { return deliver(record) }
            if isShutDown, tally.unfinished == 0 { throw QueueShutDown() }
            try await getters.park(
                for: "LocalJobQueue.receive()", on: self,
                ifCancelled: { [self] in if $0, tally.waiting > 0 { getters.wake(1) } })
        }
    }

    /// Waits for a permit of the rate limiter. Returns false if no job can use the permit now.
    private func takePermit() async throws -> Bool {
        guard let limiter else { return true }
        return try await turn.withLock {
            guard hasReady else { return false }
            try await limiter.acquire()
            return !tally.isPaused
        }
    }

    private var hasReady: Bool { ready.contains { $0.contains { $0.state == .waiting } } }

    private func nextRecord() -> Record? {
        for index in ready.indices {
            while let record = ready[index].popFirst() {
                if record.state == .waiting { return record }
            }
        }
        return nil
    }

    private func deliver(_ record: Record) -> Delivery<Job> {
        tally.waiting -= 1
        tally.running += 1
        putters.wake(1)
        record.state = .running
        record.attempts += 1
        record.fencingToken += 1
        record.progress = nil
        schedule(record, at: loopTime.advanced(by: policy.visibility))
        let token = record.fencingToken
        guard let job = record.job else { preconditionFailure("a job that has not ended has its data") }
        return Delivery(
            job: job, id: record.id, attempt: record.attempts, fencingToken: token, context: record.context
        ) { action in try self.settle(record, token, action) }
    }

    /// Extends the time within which the deliveries can be settled; see ``WorkQueue/renew(_:)``.
    public func renew(_ deliveries: [Delivery<Job>]) async throws -> [DeliveryRenewal] {
        lastHeartbeat = loopTime
        return deliveries.map { delivery in
            guard let record = records[delivery.id], isValid(record, delivery.fencingToken) else { return .lost }
            if record.isCancelRequested { return .cancelled }
            if record.state == .waiting {
                // The delivery has expired, and no other worker has taken the job yet.
                record.state = .running
                tally.waiting -= 1
                tally.running += 1
            }
            schedule(record, at: loopTime.advanced(by: policy.visibility))
            return .renewed
        }
    }

    // MARK: Ending

    /// Waits until every job has ended, or has become a dead letter.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    public func join() async throws {
        while tally.unfinished > 0 { try await joiners.park(for: "LocalJobQueue.join()", on: self) }
    }

    /// Shuts the queue down. After that, you cannot add jobs. Workers can receive jobs until every job, including
    /// retried jobs, has ended. Then ``receive()`` throws ``QueueShutDown``.
    ///
    /// - Parameter immediate: Whether to drop the jobs that no worker has taken.
    public func shutdown(immediate: Bool = false) {
        isShutDown = true
        if immediate {
            for record in records.values where record.state != .running && !record.state.isOver {
                finish(record, as: .cancelled)
            }
        }
        putters.wake()
        getters.wake()
    }

    // MARK: Time

    var loopTime: Int64 { EventLoop.required(for: "LocalJobQueue").time }

    /// Schedules a call to `timeHasCome` for a job.
    func schedule(_ record: Record, at due: Int64) {
        record.due = due
        sequence += 1
        timed.insert(TimedJob(due: due, sequence: sequence, record: record))
        armTimer()
    }

    private func armTimer() {
        guard let due = timed.min?.due, due < timerDue else { return }
        timer?.cancel()
        timerDue = due
        timer = EventLoop.required(for: "LocalJobQueue").schedule(
            .callback { [weak self] in self?.timerFired() }, at: due)
    }

    private func timerFired() {
        timerDue = .max
        let now = loopTime
        while let next = timed.min, next.due <= now {
            timed.removeMin()
            if next.record.due == next.due { timeHasCome(next.record) }
        }
        armTimer()
    }
}
