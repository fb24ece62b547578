internal import Logging

// # Supervising
//
// The supervisor opens the listening sockets once and accepts no connections itself. Every worker inherits the sockets.
// The kernel therefore has one queue of connections for as long as the supervisor lives. If a worker stops or dies,
// only the connections that it has accepted are lost. With a socket for each worker (SO_REUSEPORT), there would be a
// queue for each worker, which would be lost with the worker.
//
// Workers come in generations, with one worker for each number. A reload (SIGHUP):
//
// 1. starts the next generation, which executes the current version of the program's file;
// 2. waits until all of its workers are ready. If one dies three times before it is ready, the
//    reload has failed. The next generation is stopped, and the current one stays;
// 3. asks the current generation to stop (SIGTERM). Each worker accepts no more connections, lets
//    the open ones end within the grace period, and ends. A worker that takes longer is killed.
//
// A SIGHUP during step 2 starts again with step 1. The workers of the unfinished generation are
// asked to stop.

/// The parent process of all workers. This class is used only on the loop's thread.
final class WorkerSupervisor {
    /// The time from the end of a worker's grace period until the worker is killed.
    private static let patience = Duration.seconds(5)

    private let plan: WorkerPlan
    private let count: Int
    private let loop: EventLoop
    private var present: WorkerGeneration
    /// The generation that is starting, and the task that is waiting for it.
    private var next: WorkerGeneration?
    private var reload: AnyAsyncTask?
    /// The tasks that are waiting for earlier generations to end.
    private var retirements: [AsyncTask<Void>] = []

    init(_ plan: WorkerPlan, count: Int, on loop: EventLoop) {
        self.plan = plan
        self.count = count
        self.loop = loop
        present = WorkerGeneration(count, plan, on: loop)
    }

    /// Runs the workers until SIGTERM or Ctrl-C arrives, and then waits until all workers have ended.
    ///
    /// - Throws: ``Worker/Failure`` if a worker cannot be started, or did not end cleanly.
    func run(_ arrivals: SignalSequence, isolation: isolated (any Actor)? = #isolation) async throws {
        present.start(isolation: isolation)
        let director = createTask(name: "signals", isolation: isolation) { [self] in
            _ = isolation
            try await direct(arrivals, isolation: isolation)
        }
        let watch = createTask(name: "the first workers", isolation: isolation) { [self] in
            _ = isolation
            do {
                try await present.waitUntilReady()
                plan.log.info("\(count) workers are ready")
            } catch is Worker.Failure {
                // No worker runs, so end as if a signal had requested it.
                director.cancel()
            }
        }
        // The workers end when the director ends, whatever the reason.
        _ = try? await director.value
        watch.cancel()
        try await stop(arrivals, isolation: isolation)
        if let failure = present.failure { throw failure }
    }

    /// Handles signals until one of them asks the program to end.
    private func direct(_ arrivals: SignalSequence, isolation: isolated (any Actor)?) async throws {
        for try await signal in arrivals {
            switch signal {
            case .hangUp: beginReload(isolation: isolation)
            case .terminate, .interrupt: return
            default: for generation in [present, next] { generation?.send(signal) }
            }
        }
    }

    // MARK: Reloading

    private func beginReload(isolation: isolated (any Actor)?) {
        if let next {
            reload?.cancel()
            retire(next, isolation: isolation)
        }
        plan.log.info("reloading: starting \(count) workers")
        let generation = WorkerGeneration(count, plan, on: loop)
        next = generation
        generation.start(isolation: isolation)
        reload = createTask(name: "reload", isolation: isolation) { [self] in
            _ = isolation
            do {
                try await generation.waitUntilReady()
                retire(present, isolation: isolation)
                present = generation
                plan.log.info("reloaded: \(count) new workers are ready")
            } catch let failure as Worker.Failure {
                plan.log.error("the reload failed; keeping the current workers: \(describe(failure))")
                retire(generation, isolation: isolation)
            }
            next = nil
        }
    }

    // MARK: Stopping

    /// Asks a generation to stop, and kills the workers that take too long.
    private func retire(_ generation: WorkerGeneration, isolation: isolated (any Actor)?) {
        generation.retire()
        let retirement = createTask(name: "retire workers", isolation: isolation) { [self] in
            _ = isolation
            if try await generation.hasEnded(within: plan.grace + Self.patience) { return }
            plan.log.error("killing workers that did not stop within \(plan.grace + Self.patience)")
            generation.send(.kill)
            _ = try await generation.hasEnded(within: nil)
        }
        retirements = retirements.filter { !$0.isDone } + [retirement]
    }

    private func stop(_ arrivals: SignalSequence, isolation: isolated (any Actor)?) async throws {
        plan.log.info("stopping")
        reload?.cancel()
        let generations = [present, next].compactMap { $0 }
        for generation in generations { retire(generation, isolation: isolation) }
        // A second request kills the workers.
        let impatience = createTask(name: "a second request to end", isolation: isolation) {
            _ = isolation
            for try await signal in arrivals where signal == .interrupt || signal == .terminate {
                for generation in generations { generation.send(.kill) }
            }
        }
        defer { impatience.cancel() }
        try await withCleanup(timeout: nil, isolation: isolation) { [self] in
            _ = isolation
            _ = try await wait(retirements)
        }
    }
}

/// A group of workers that were started together. This class is used only on the loop's thread.
final class WorkerGeneration {
    let slots: [WorkerSlot]
    private var tasks: [AsyncTask<Void>] = []

    init(_ count: Int, _ plan: WorkerPlan, on loop: EventLoop) {
        slots = (0..<count).map { WorkerSlot($0, plan, on: loop) }
    }

    func start(isolation: isolated (any Actor)?) {
        tasks = slots.map { slot in
            createTask(name: "worker \(slot.number)", isolation: isolation) {
                _ = isolation
                try await slot.run()
            }
        }
    }

    /// Waits until all workers are ready.
    ///
    /// - Throws: ``Worker/Failure`` if one of the workers cannot be started.
    func waitUntilReady() async throws {
        for slot in slots {
            try await slot.settled.wait()
            if let failure = slot.failure { throw failure }
        }
    }

    func retire() { for slot in slots { slot.retire() } }
    func send(_ signal: ProcessSignal) { for slot in slots { slot.send(signal) } }

    /// Waits for the workers to end, and returns whether all of them have ended.
    ///
    /// - Parameter limit: The maximum time to wait, or nil for no limit.
    func hasEnded(within limit: Duration?) async throws -> Bool {
        try await wait(tasks, timeout: limit).pending.isEmpty
    }

    /// The failure of the first worker that did not end cleanly, or nil.
    var failure: Worker.Failure? {
        for slot in slots {
            if let failure = slot.failure { return failure }
            // A worker that was asked to stop before it had a handler ends with that signal.
            guard let code = slot.returnCode, code != 0, code != -ProcessSignal.terminate.rawValue else { continue }
            return Worker.Failure(number: slot.number, returnCode: code)
        }
        return nil
    }
}
