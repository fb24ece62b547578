/// The place where suspended tasks wait: an actor that runs nothing and is its own executor.
///
/// A task suspends by hopping here. The runtime then delivers the task's job, and the loop stores it with
/// what the task waits for, according to `EventLoop.parking`. To wake the task, the loop runs the job as a
/// job of the main actor, so that no hop back is needed. A continuation would do the same at a cost that is a
/// quarter higher, because the runtime has to create it, end it, and enqueue the resulting job.
actor ParkingPlace: SerialExecutor {
    static let shared = ParkingPlace()

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    nonisolated func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        EventLoop.withRequired(for: "await") { $0.keep(job) }
    }

    /// Returns when the loop runs the job. Never inlined, because the compiler cannot see the reason for the
    /// hop.
    @inline(never)
    func arrive() {}
}

/// Where the job of a suspending task is stored.
enum Parking {
    case nothing
    /// In the ready queue: the task yields for a turn.
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

/// Holds one Swift task that waits for a handover from another one, which asyncio does within one step: a
/// carrier, or one side of a generator.
@usableFromInline
class Seat {
    // Loop thread only.
    @safe @exclusivity(unchecked) fileprivate final var job: UnownedJob?

    @usableFromInline
    init() {}

    /// Suspends the running Swift task until ``handOver()``, unless that has already happened. The condition is checked
    /// at a point after which nothing else can happen before the suspension.
    final func wait(while condition: () -> Bool) async {
        guard condition() else { return }
        EventLoop.withRequired(for: "await") { $0.parking = .seat(Unretained(self)) }
        await ParkingPlace.shared.arrive()
    }

    /// Makes the waiting Swift task, if any, run right after the current job.
    final func handOver() {
        guard let job = job.take(), !AbandonedTasks.contain(job) else { return }
        EventLoop.withRequired(for: "await") { $0.runNext.append(job) }
    }
}
