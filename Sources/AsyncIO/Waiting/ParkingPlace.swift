/// The place where suspended tasks wait. This actor runs no code and is its own executor.
///
/// To suspend, a task hops to this actor. The runtime then passes the task's job to this actor's executor, and the loop
/// stores the job in the place that `EventLoop.parking` specifies. To wake the task, the loop runs the job as a job of
/// the main actor, so that no hop back is needed. A continuation would have the same effect but would cost 25% more,
/// because the runtime has to create the continuation, end it, and enqueue the resulting job.
actor ParkingPlace: SerialExecutor {
    static let shared = ParkingPlace()

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    nonisolated func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        EventLoop.withRequired(for: "await") { $0.keep(job) }
    }

    /// Returns when the loop runs the job. This method is never inlined, because the compiler could otherwise remove
    /// the hop.
    @inline(never)
    func arrive() {}
}

/// The place where the job of a suspending task is stored.
enum Parking {
    case nothing
    /// The ready queue, because the task yields for one turn.
    case queue(UnretainedTask?)
    case future(Unretained<FutureBase>, UnretainedTask?)
    case seat(Unretained<Seat>)
}

extension EventLoop {
    /// Stores the job of a task that has suspended.
    @inline(__always)
    fileprivate func keep(_ job: UnownedJob) {
        let parking = self.parking
        self.parking = .nothing
        switch parking {
        case .queue(let task):
            if task != nil { carriers.parks() }
            ready.append(.wake(job, task))
        case .future(let future, let task):
            if task != nil { carriers.parks() }
            future.with { $0.keep(job, of: task, on: self) }
        case .seat(let seat): seat.with { $0.job = job }
        case .nothing: fatalError("a task suspended without a reason; this is a bug in swift-asyncio")
        }
    }
}

/// An object that holds one Swift task until another Swift task hands over control. The held task is a carrier or one
/// side of a generator. In asyncio, the same handover happens within a single step.
@usableFromInline
class Seat {
    // Loop thread only.
    @safe @exclusivity(unchecked) fileprivate final var job: UnownedJob?

    @usableFromInline
    init() {}

    /// Suspends the running Swift task until ``handOver()`` is called. This method does not suspend if `condition` is
    /// false. No other code can run between the check of the condition and the suspension.
    final func wait(while condition: () -> Bool) async {
        guard condition() else { return }
        EventLoop.withRequired(for: "await") { $0.parking = .seat(Unretained(self)) }
        await ParkingPlace.shared.arrive()
    }

    /// Runs the waiting Swift task, if any, immediately after the current job.
    @usableFromInline
    final func handOver() {
        guard let job = job.take(), !AbandonedTasks.contain(job) else { return }
        EventLoop.withRequired(for: "await") { $0.runNext.append(job) }
    }
}
