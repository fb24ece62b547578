/// Where suspended tasks go: an actor that runs nothing, and its own executor.
///
/// A task suspends by hopping here. The runtime then brings its job, which is all that is
/// left of it, and the loop keeps that with what the task waits for; `EventLoop.parking`
/// says what that is. To wake the task, the loop runs the job, as the main actor's, so that
/// the hop back is none. A continuation would do the same at a quarter more: the runtime
/// has work with its making, its end and the job that comes of that.
actor ParkingPlace: SerialExecutor {
    static let shared = ParkingPlace()

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    nonisolated func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        EventLoop.withRequired(for: "await") { $0.keep(job) }
    }

    /// Returns when the loop runs the job. Never inlined: the hop is for a reason that the
    /// compiler can't see.
    @inline(never)
    func arrive() {}
}

/// What keeps a task that suspends.
enum Parking {
    case nothing
    /// The ready queue: the task gives way for a turn.
    case queue(UnretainedTask?)
    case future(Unretained<FutureBase>, UnretainedTask?)
    case seat(Unretained<Seat>)
}

extension EventLoop {
    /// A task has suspended: its job has come.
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
        case .nothing: fatalError("A task suspended without a reason; this is a mistake in swift-asyncio.")
        }
    }
}

/// Keeps one Swift task that waits for another to hand over to it, which asyncio does
/// inside one step: a carrier, or one end of a generator.
@usableFromInline
class Seat {
    // Loop thread only.
    @safe @exclusivity(unchecked) fileprivate final var job: UnownedJob?

    @usableFromInline
    init() {}

    /// Suspends the running Swift task until ``handOver()``, unless that came first: the
    /// condition is looked at when nothing can come between any more.
    nonisolated(nonsending) final func wait(while condition: () -> Bool) async {
        guard condition() else { return }
        EventLoop.withRequired(for: "await") { $0.parking = .seat(Unretained(self)) }
        await ParkingPlace.shared.arrive()
    }

    /// Whoever waits here, if somebody does, goes on right after the present job.
    final func handOver() {
        guard let job = job.take(), !AbandonedTasks.contain(job) else { return }
        EventLoop.withRequired(for: "await") { $0.runNext.append(job) }
    }
}
