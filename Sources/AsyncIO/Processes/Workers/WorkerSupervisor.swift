internal import Logging

// # Supervising
//
// The listening sockets are opened once, by the supervisor, which accepts nothing. Every
// worker inherits them. So there is one queue of connections, in the kernel, for as long as
// the supervisor lives: a worker that stops, or dies, takes along the connections that it
// has accepted, and no other. With a socket for each worker (SO_REUSEPORT) there would be a
// queue for each, which would be lost with it.
//
// Workers come in generations of one for each number. A reload (SIGHUP):
//
// 1. starts the next generation, which executes the program's file as it is now;
// 2. waits until all of it is ready. If one dies thrice before it is, the reload has failed:
//    the next generation goes and the present one stays;
// 3. asks the present generation to stop (SIGTERM): each accepts no more, lets its
//    connections come to their end within the grace, and ends. One that is late is killed.
//
// A SIGHUP during 2 begins again with 1; those who were about to be are asked to stop.

/// The parent of all workers. Loop thread only.
final class WorkerSupervisor {
    /// How long after its grace a worker is killed.
    private static let patience = Duration.seconds(5)

    private let plan: WorkerPlan
    private let count: Int
    private let loop: EventLoop
    private var present: WorkerGeneration
    /// The generation that is about to be, and the task that waits for it.
    private var next: WorkerGeneration?
    private var reload: AnyAsyncTask?
    /// Those that see earlier generations to their end.
    private var retirements: [AsyncTask<Void>] = []

    init(_ plan: WorkerPlan, count: Int, on loop: EventLoop) {
        self.plan = plan
        self.count = count
        self.loop = loop
        present = WorkerGeneration(count, plan, on: loop)
    }

    /// Runs until SIGTERM or Ctrl-C, and then until all workers have ended.
    ///
    /// - Throws: ``WorkerFailure`` if a worker cannot be started, or did not end in order.
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
            } catch is WorkerFailure {
                // Nothing works: end as if somebody had asked for it.
                director.cancel()
            }
        }
        // However it ends, the workers are to end too.
        _ = try? await director.value
        watch.cancel()
        try await stop(arrivals, isolation: isolation)
        if let failure = present.failure { throw failure }
    }

    /// Does what the signals say, until one says that it is time to end.
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
        plan.log.info("reloading: \(count) workers are started")
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
            } catch let failure as WorkerFailure {
                plan.log.error("the reload has failed, the workers stay: \(describe(failure))")
                retire(generation, isolation: isolation)
            }
            next = nil
        }
    }

    // MARK: Stopping

    /// Asks a generation to stop, and kills who is late.
    private func retire(_ generation: WorkerGeneration, isolation: isolated (any Actor)?) {
        generation.retire()
        let retirement = createTask(name: "retire workers", isolation: isolation) { [self] in
            _ = isolation
            if try await generation.hasEnded(within: plan.grace + Self.patience) { return }
            plan.log.error("workers that did not stop within \(plan.grace + Self.patience) are killed")
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
        // Whoever asks again means it.
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

/// Workers that were started together. Loop thread only.
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

    /// - Throws: ``WorkerFailure`` if one of them cannot be started.
    nonisolated(nonsending) func waitUntilReady() async throws {
        for slot in slots {
            try await slot.settled.wait()
            if let failure = slot.failure { throw failure }
        }
    }

    func retire() { for slot in slots { slot.retire() } }
    func send(_ signal: Signal) { for slot in slots { slot.send(signal) } }

    /// - Parameter limit: nil for no limit.
    nonisolated(nonsending) func hasEnded(within limit: Duration?) async throws -> Bool {
        try await wait(tasks, timeout: limit).pending.isEmpty
    }

    /// The first of those that did not end in order.
    var failure: WorkerFailure? {
        for slot in slots {
            if let failure = slot.failure { return failure }
            // Asked to stop before it could hear, it ends by that.
            guard let code = slot.returnCode, code != 0, code != -Signal.terminate.rawValue else { continue }
            return WorkerFailure(number: slot.number, returnCode: code)
        }
        return nil
    }
}
