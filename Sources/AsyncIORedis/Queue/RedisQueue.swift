public import AsyncIO

/// A job queue in Redis, for workers and producers on any number of machines.
///
/// ```swift
/// let queue = try RedisQueue<Thumbnail>("thumbnails", on: redis)
/// try await queue.put(Thumbnail(of: photo), options: JobOptions(uniqueKey: photo))
/// try await work(on: queue, limit: 20) { delivery in try await resize(delivery.job) }
/// ```
///
/// Each program creates its own object. Objects with the same name represent the same queue. Jobs and results are
/// stored as JSON, or in another ``JobCoding``. The queue uses Redis Streams with a consumer group. Every change is
/// made by a script, so it happens completely or not at all. Times are measured by the server's clock. In a cluster,
/// the whole queue is on one node. The queue needs Redis 7 or later, or Valkey.
///
/// While the server cannot be reached, calls are repeated until ``patience`` runs out. This is safe: if
/// ``put(_:options:)`` is repeated because the reply was lost, only one job is added. However, after a lost reply,
/// ``cancel(_:)``, ``retryDead(_:)``, and ``dropDead(_:)`` may return `false` even though the first attempt succeeded.
///
/// The guarantees of the queue depend on how the server stores its data; see <doc:MoreThanOneMachine>.
///
/// A queue object belongs to one loop, like its client.
///
/// arq: `ArqRedis`. Celery: the broker and the result backend.
public final class RedisQueue<Job: Codable & Sendable>: JobQueue {
    // Loop thread only.
    let client: RedisClient
    /// The prefix of the queue's keys.
    let base: String
    /// The name of the worker that this object represents.
    let consumer: String
    /// A lock held by the task that takes jobs from the server. Other tasks wait for the lock in FIFO order.
    let turn = Lock()
    /// A lock held by the producer that is waiting for room.
    let roomTurn = Lock()
    /// The fencing tokens of the deliveries that this object has received, by job identifier.
    var known: [String: Int] = [:]
    /// Whether a reply that may have contained deliveries was lost.
    var mayHaveUnknownDeliveries = false
    /// The task that is waiting for a token or for the next due time.
    var pausing: AsyncTask<Void>?
    private(set) var isOver = false
    /// The interval at which a task that is waiting for a job to end asks the server for the job's status. This is
    /// necessary because the server's report can be lost.
    var checkInterval = Duration.seconds(5)
    lazy var ends = EndReader(client, stream: base + ":events")
    var generator = SystemRandomNumberGenerator()

    /// The name of the queue.
    public let name: String
    /// The rules of the queue.
    public let policy: JobPolicy
    /// The time for which a call is repeated while the server cannot be reached.
    public let patience: Duration
    /// The encoding of jobs and results.
    public let coding: any JobCoding
    /// Whether ``shutdown(immediate:)`` was called on this object.
    public private(set) var isShutDown = false

    /// Creates an object for a queue. The queue itself is created when the first job is put into it.
    ///
    /// - Parameters:
    ///   - name: The name of the queue. It must be the same in all programs that use the queue.
    ///   - client: The client, on the same loop. A waiting receiver and a waiting producer each use a separate
    ///     connection.
    ///   - policy: The rules of the queue. They must be the same in all programs that use the queue.
    ///   - patience: The time for which a call is repeated while the server cannot be reached.
    ///   - coding: The encoding of jobs and results. It must be the same in all programs that use the queue.
    /// - Throws: `ValueError` if a number in `policy` is out of range, or if the name is empty or contains braces.
    public init(
        _ name: String, on client: RedisClient, policy: JobPolicy = JobPolicy(), patience: Duration = .seconds(60),
        coding: any JobCoding = .json
    ) throws(ValueError) {
        guard !name.isEmpty, !name.contains("{"), !name.contains("}") else {
            throw ValueError("the name of a queue must not be empty or contain braces, got \"\(name)\"")
        }
        try policy.validate()
        self.name = name
        self.client = client
        self.policy = policy
        self.patience = patience
        self.coding = coding
        base = "jobs:{\(name)}"
        consumer = "\(JobWorker.currentProcess):\(randomID().prefix(8))"
    }

    // MARK: Calling scripts

    /// Runs one of the queue's scripts, and repeats the call while the server cannot be reached.
    ///
    /// - Parameters:
    ///   - onAttempt: Called before each attempt.
    ///   - onUncertainty: Called after a failed call that the server may have executed.
    ///   - ifCancelled: If this closure is not nil, a cancelled task waits for the answer and passes it to the closure.
    func call(
        _ script: RedisScript, _ arguments: [any RedisArgument], onAttempt: () -> Void = {},
        onUncertainty: () -> Void = {}, ifCancelled: ((RedisValue) async throws -> Void)? = nil
    ) async throws -> RedisValue {
        let end = LoopClock().now.advanced(by: patience)
        var failures = 0
        while true {
            onAttempt()
            do {
                guard let ifCancelled else { return try await tryCall(script, arguments) }
                return try await callShielded(script, arguments, ifCancelled)
            } catch {
                guard RedisError.isPassing(error), !client.isClosed else { throw error }
                if RedisError.mayHaveBeenExecuted(error) { onUncertainty() }
                failures += 1
                let delay = client.configuration.backoff.delay(afterFailure: failures, using: &generator)
                if LoopClock().now.advanced(by: delay) > end { throw error }
                try await sleep(delay)
            }
        }
    }

    /// Runs one of the queue's scripts without repeating the call.
    func tryCall(_ script: RedisScript, _ arguments: [any RedisArgument]) async throws -> RedisValue {
        try await client.run(
            script, keys: [base], arguments: [policy.retention.milliseconds, policy.maxDead] + arguments)
    }

    private func callShielded(
        _ script: RedisScript, _ arguments: [any RedisArgument], _ ifCancelled: (RedisValue) async throws -> Void
    ) async throws -> RedisValue {
        var answer = RedisValue.null
        do {
            try await withCleanup(timeout: nil) { answer = try await tryCall(script, arguments) }
        } catch {
            if answer != .null { try? await withCleanup(timeout: .seconds(10)) { try await ifCancelled(answer) } }
            throw error
        }
        return answer
    }

    /// Waits until a list contains a token or `limit` has passed.
    func waitForToken(_ name: String, atMost limit: Duration) async throws {
        var command = RedisCommand("BLPOP", base + ":" + name, max(0.001, limit / .seconds(1)))
        command.timeLimit = .after(limit + .seconds(5))
        do {
            _ = try await client.withConnection(for: base) { connection in try await connection.send(command) }
        } catch {
            // The next call finds out whether the server can be reached.
            guard RedisError.isPassing(error) || (error as? RedisError)?.code == .unblocked else { throw error }
            try await sleep(.milliseconds(50))
        }
    }

    // MARK: Putting

    /// Puts a job into the queue; see `JobQueue.put(_:options:)`.
    ///
    /// - Throws: `QueueShutDown` if this object is shut down; `ValueError` if an option is not valid; encoding errors;
    ///   ``RedisError`` if the server rejects the job, for example because the server is out of memory; connection
    ///   errors if ``patience`` has run out; `CancellationError` if the task is cancelled. After a connection error or
    ///   a cancellation, the job may already be in the queue. To find out, call this method again with the same
    ///   `JobOptions.id`.
    @discardableResult
    public func put(_ job: Job, options: JobOptions) async throws -> JobTicket {
        try options.validate()
        let id = options.id ?? randomID()
        let data = try coding.encode(job)
        return try await JobTrace.put(on: name, id: id, context: options.context) { context in
            try await put(data, id: id, options, context)
        }
    }

    private func put(
        _ data: [UInt8], id: String, _ options: JobOptions, _ context: [String: String]
    ) async throws -> JobTicket {
        let arguments: [any RedisArgument] = [
            id, data, options.priority.rawValue, options.uniqueKey ?? "", options.orderKey ?? "",
            context.isEmpty ? [] : try JSONJobCoding().encode(context), randomID(),
            max(0, (options.delay ?? .zero).milliseconds), options.date.map { max(0, $0.milliseconds) } ?? -1,
            policy.maxLength,
        ]
        if let ticket = try await tryPut(arguments) { return ticket }
        return try await roomTurn.withLock {
            while true {
                if let ticket = try await tryPut(arguments) { return ticket }
                try await waitForToken("room", atMost: .seconds(1))
            }
        }
    }

    /// Adds a job. Returns nil if the queue is full.
    private func tryPut(_ arguments: [any RedisArgument]) async throws -> JobTicket? {
        if isShutDown { throw QueueShutDown() }
        let answer = try await call(QueueScripts.put, arguments).array
        let outcome = try answer[1].integer
        return outcome < 0 ? nil : JobTicket(id: try answer[0].string, wasAdded: outcome == 1)
    }

    // MARK: Ending

    /// Waits until every job in the queue has ended or has become a dead letter.
    ///
    /// When the last job has ended, the server reports this on the connection that ``end(of:)`` uses.
    ///
    /// - Throws: Connection errors; `CancellationError` if the task is cancelled.
    public func join() async throws {
        while true {
            let answer = try await call(QueueScripts.join, []).array
            if try answer[0].integer == 1 { return }
            if isOver {
                // The reader has stopped.
                try await sleep(.seconds(1))
            } else {
                try await waitForEnd(of: EndReader.allJobs, after: answer[1].string)
            }
        }
    }

    /// Waits until the server reports that a job has ended. After a failover, the report may be missing.
    func waitForEnd(of id: String, after position: String) async throws {
        do { try await ends.wait(for: id, after: position, atMost: checkInterval) } catch is TimeoutError {}
    }

    /// Shuts this object down. Afterward, you cannot add jobs through it. You can receive jobs until every job in the
    /// queue has ended. After that, receiving fails. Other programs can continue to use the queue.
    ///
    /// - Parameter immediate: Whether receiving fails immediately. If it does, the remaining jobs stay in the queue.
    public func shutdown(immediate: Bool = false) {
        isShutDown = true
        isOver = isOver || immediate
        pausing?.cancel()
        if immediate { ends.stop() }
    }
}

extension Duration {
    /// The duration in milliseconds, rounded up.
    var milliseconds: Int {
        let nanoseconds = roundedUpNanoseconds
        return Int(nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0))
    }
}
