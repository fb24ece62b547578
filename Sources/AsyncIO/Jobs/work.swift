/// Runs the jobs of a queue, at most `limit` at once, until the queue is shut down or the task is cancelled.
///
/// ```swift
/// try await work(on: queue, limit: 20) { delivery in try await resize(delivery.job) }
/// ```
///
/// Each job runs in a separate task. If the handler returns, the job is acknowledged. If the handler has set
/// ``Delivery/result``, the job returns that value. If the handler throws, the delivery is rejected, and the rules of
/// the queue determine whether and when the job is retried. While handlers run, their deliveries are renewed. If a job
/// is cancelled or delivered to another worker, its handler is cancelled.
///
/// After the queue is shut down, this function returns when the last job has ended. After the task is cancelled, the
/// worker receives no more jobs. Handlers that do not end within the grace period are cancelled, and their jobs are
/// handed back.
///
/// To use several loops, call this function on each loop, with a separate queue object for each loop. With the package
/// trait `Metrics`, jobs are counted as `asyncio_jobs`, by queue and outcome, and timed as `asyncio_job_time`. With the
/// package trait `Tracing`, each handler runs in its own span, which is a child of the span in which the job was put
/// into the queue.
///
/// - Parameters:
///   - queue: The queue.
///   - limit: The maximum number of handlers that run at once.
///   - grace: The time for which handlers can continue to run when the worker ends.
///   - onEvent: A closure that is called for each event, such as the start or the end of a handler.
///   - handler: A closure that does the work of a job. It may run several times for the same job; see ``JobQueue``.
/// - Throws: ``ValueError`` if `limit` is less than 1; the errors of the queue; `CancellationError` if the task is
///   cancelled. When this function throws, all handlers have ended.
///
/// asyncio: none; the closest equivalents are the packages `arq` and `celery`.
public func work<Source: WorkQueue>(
    on queue: Source, limit: Int = 10, grace: Duration = .seconds(30), isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, onEvent: @escaping (JobEvent<Source.Job>) -> Void = { _ in },
    _ handler: @escaping (Delivery<Source.Job>) async throws -> Void
) async throws {
    guard limit >= 1 else { throw ValueError("limit must be at least 1, got \(limit)") }
    let load = Workload(queue, limit: limit, onEvent)
    let renewal = createTask(name: "renewal of deliveries", isolation: isolation) {
        _ = isolation
        try await load.renewRepeatedly()
    }
    let begin = { (delivery: Delivery<Source.Job>) in
        let run = load.add(delivery)
        let task = createTask(
            name: "job \(delivery.id)", isolation: isolation, fileID: fileID, line: line
        ) { () async throws in
            // The closure is throwing, because a closure that cannot throw would leave the loop.
            _ = isolation
            await load.execute(run, isolation, handler)
        }
        run.task = task
        task.addDoneCallback { _ in load.remove(run) }
    }
    do {
        try await load.receive(begin)
        try await cancelAndJoin([renewal])
    } catch {
        // Cancellation, or an error of the queue, which takes precedence.
        try? await withCleanup(timeout: nil, isolation: isolation) {
            _ = isolation
            try await load.end(within: grace)
            try await cancelAndJoin([renewal])
        }
        throw error
    }
}

/// The running handlers of a call to `work`. This class is used only on the loop's thread.
private final class Workload<Source: WorkQueue> {
    final class Run {
        enum Reason { case ending, cancelled, lost }

        let delivery: Delivery<Source.Job>
        var task: AsyncTask<Void>?
        var hasBegun = false
        var start = ContinuousClock.Instant.now
        /// The reason why the worker cancelled the task.
        var reason: Reason?

        init(_ delivery: Delivery<Source.Job>) { self.delivery = delivery }
    }

    private let queue: Source
    private let room: Semaphore
    private let onEvent: (JobEvent<Source.Job>) -> Void
    private let metrics: JobMetrics
    private var runs: [ObjectIdentifier: Run] = [:]
    /// Deliveries whose tasks were cancelled before the tasks began.
    private var leftovers: [Delivery<Source.Job>] = []
    private let isIdle = Event()

    init(_ queue: Source, limit: Int, _ onEvent: @escaping (JobEvent<Source.Job>) -> Void) {
        self.queue = queue
        self.onEvent = onEvent
        room = Semaphore(limit)
        metrics = JobMetrics(queue: queue.name)
        isIdle.set()
    }

    /// Receives jobs until the queue is shut down, and then waits for the handlers.
    func receive(_ begin: (Delivery<Source.Job>) -> Void) async throws {
        do {
            while true {
                try await room.acquire()
                let deliveries: [Delivery<Source.Job>]
                do { deliveries = try await queue.receive(atMost: room.value + 1) } catch {
                    try room.release()
                    throw error
                }
                // No other task takes from the semaphore, so its slots are still free.
                for _ in deliveries.dropFirst() { try await room.acquire() }
                for delivery in deliveries { begin(delivery) }
            }
        } catch is QueueShutDown {
            try await isIdle.wait()
        }
    }

    func add(_ delivery: Delivery<Source.Job>) -> Run {
        let run = Run(delivery)
        runs[ObjectIdentifier(run)] = run
        isIdle.clear()
        return run
    }

    func remove(_ run: Run) {
        runs[ObjectIdentifier(run)] = nil
        if !run.hasBegun { leftovers.append(run.delivery) }
        try? room.release()
        if runs.isEmpty { isIdle.set() }
    }

    /// Waits for the handlers, cancels the handlers that take too long, and hands their jobs back.
    func end(within grace: Duration) async throws {
        if !runs.isEmpty, grace > .zero { try await wait(runs.values.compactMap(\.task), timeout: grace) }
        for run in runs.values { cancel(run, because: .ending) }
        try await isIdle.wait()
        for delivery in leftovers {
            do { try await delivery.handBack() } catch { notify(.unsettled(error), delivery, after: .zero) }
        }
        leftovers = []
    }

    private func cancel(_ run: Run, because reason: Run.Reason) {
        guard run.reason == nil else { return }
        run.reason = reason
        run.task?.cancel()
    }

    // MARK: One job

    func execute(
        _ run: Run, _ isolation: isolated (any Actor)?, _ handler: (Delivery<Source.Job>) async throws -> Void
    ) async {
        let delivery = run.delivery
        run.hasBegun = true
        run.start = LoopClock().now
        notify(.began, delivery, after: .zero)
        do {
            try await JobTrace.process(on: queue.name, delivery) { try await handler(delivery) }
        } catch {
            return await fail(run, error, isolation)
        }
        if delivery.isSettled { return notify(.done, delivery, after: LoopClock().now - run.start) }
        await settle(run, as: .done, isolation) { try await delivery.acknowledge() }
    }

    private func fail(_ run: Run, _ error: any Error, _ isolation: isolated (any Actor)?) async {
        let delivery = run.delivery
        if delivery.isSettled {
            EventLoop.report(
                ExceptionContext(message: "The handler of a job failed after it had settled the delivery", error: error)
            )
            return
        }
        switch isCancellation(error) ? run.reason : nil {
        case .lost: notify(.lost, delivery, after: LoopClock().now - run.start)
        case .ending: await settle(run, as: .handedBack, isolation) { try await delivery.handBack() }
        case .cancelled:
            await settle(run, as: .cancelled, isolation) { try await delivery.reject(JobFailure("cancelled")) }
        case nil: await settle(run, as: .failed(error), isolation) { try await delivery.reject(error) }
        }
    }

    /// Settles a delivery even if the task is cancelled.
    private func settle(
        _ run: Run, as kind: JobEvent<Source.Job>.Kind, _ isolation: isolated (any Actor)?,
        _ body: () async throws -> Void
    ) async {
        let delivery = run.delivery
        var failure: (any Error)?
        do {
            if run.reason == nil {
                // If the task is cancelled during this call, the call below determines the outcome.
                do { try await body() } catch let error where isCancellation(error) {}
            }
            if !delivery.isSettled {
                try await withCleanup(timeout: nil, isolation: isolation) {
                    _ = isolation
                    try await body()
                }
            }
        } catch { failure = error }
        let duration = LoopClock().now - run.start
        switch failure {
        case is DeliveryLost: notify(.lost, delivery, after: duration)
        case let error? where !delivery.isSettled: notify(.unsettled(error), delivery, after: duration)
        default: notify(kind, delivery, after: duration)
        }
    }

    private func notify(_ kind: JobEvent<Source.Job>.Kind, _ delivery: Delivery<Source.Job>, after duration: Duration) {
        let event = JobEvent(kind, delivery, after: duration)
        metrics.record(event)
        onEvent(event)
    }

    // MARK: Renewal

    func renewRepeatedly() async throws {
        guard let interval = queue.renewalInterval else { return }
        var pause = interval
        while true {
            try await sleep(pause)
            let current = runs.values.filter { !$0.delivery.isSettled }
            do {
                let answers = current.isEmpty ? [] : try await queue.renew(current.map(\.delivery))
                for (run, answer) in zip(current, answers) where !run.delivery.isSettled {
                    switch answer {
                    case .renewed: break
                    case .lost: cancel(run, because: .lost)
                    case .cancelled: cancel(run, because: .cancelled)
                    }
                }
                pause = interval
            } catch {
                if isCancellation(error) { throw error }
                // There is time for another attempt before the deliveries expire.
                pause = interval / 4
                for run in current where !run.delivery.isSettled {
                    notify(.unrenewed(error), run.delivery, after: LoopClock().now - run.start)
                }
            }
        }
    }
}
