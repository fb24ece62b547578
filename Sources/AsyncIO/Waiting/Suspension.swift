internal import AsyncIOSystem

// # How a task waits
//
// There is one suspension primitive, `FutureBase.park()`. A lock, an item in a queue, a timer, a socket, and another
// task are all futures, and every wait for them uses this primitive.
//
// ## States
//
// A waiting task is in one of three states:
//
//     waiting   its job is registered with the future, and the task's `waitingOn` is
//               that future;
//     woken     the future has ended; the wake-up is an entry of the ready queue;
//               `waitingOn` is still the future, whose `cancel` now returns false;
//     running   the loop has taken the wake-up from the queue; `waitingOn` is nil.
//
// ## Cancellation
//
// `task.cancel()` passes the request on to the future that the task waits for. If the future returns true (the task is
// waiting), the end of the future wakes the task, which finds that the future was cancelled. If the future returns
// false (the task is woken, running, or not started), the request is stored in `mustCancel` and delivered at the task's
// next step: after the pending wake-up, or at its next suspension. The waiter does not get a result that arrived in the
// same turn, so the wait queue passes such a result on to another waiter if possible (WaitQueue). In both cases, the
// task receives one CancellationError, regardless of how often cancellation was requested.
//
// ## Races, all on one thread
//
// - The future ends between the caller's check and the suspension. This can happen because, under a task-executor
//   preference, every hop is a real hop. Therefore, the code that registers the job checks again, and queues the
//   wake-up itself.
// - The request arrives before the suspension. In that case, the code that registers the job immediately asks the
//   future to cancel, which queues the wake-up.
//
// ## Plain Swift tasks
//
// A task that is not an AsyncTask (`Task { }`, `async let`, a child of a standard group) has no `mustCancel`. Its
// native cancellation, which stays set, cancels the future through a cancellation handler. The handler can run on any
// thread. On a thread other than the loop's, it uses the inbox.

extension FutureBase {
    /// Suspends the current task until the future has ended.
    ///
    /// - Throws: `CancellationError` if the task was cancelled. If only the future was cancelled, this method does not
    ///   throw an error. Check the state of the future to detect this case.
    ///
    /// - Parameter ignoresNativeCancellation: Whether to ignore the cancellation of a plain Swift task. Use `true` for
    ///   a wait that restores an invariant, because the task stays cancelled, and its cancellation would immediately
    ///   end every wait.
    //
    // This method is inlined into each wait, because a separate frame would cost as much as the work itself.
    @inline(__always)
    nonisolated(nonsending) final func park(
        ignoresNativeCancellation: Bool = false
    ) async throws {
        let task = EventLoop.withRequired(for: "await") { loop in
            let task = loop.carriers.current
            if let task { loop.parking = .future(Unretained(self), task) }
            return task
        }
        guard let task else {
            return ignoresNativeCancellation ? await suspendPlain() : try await parkPlain()
        }
        await ParkingPlace.shared.arrive()
        try task.with { task throws in
            task.waitingOn = nil
            try task.deliverCancellation(unlessIn: self)
        }
    }

    /// Calls `park()`. This method can be used from code that is inlined into the user's module.
    @usableFromInline
    nonisolated(nonsending) final func waitForEnd() async throws { try await park() }

    /// Registers the job of a task that has suspended to wait for this future. For a plain Swift task, `task` is nil.
    @inline(__always)
    final func keep(_ job: UnownedJob, of task: UnretainedTask?, on loop: EventLoop) {
        if Ownership.isChecked { checkOwner(on: loop) }
        guard state == .pending else {
            loop.ready.append(.wake(job, task))
            return
        }
        guard let unretained = task else { return register(.wake(job, nil)) }
        unretained.with { task in
            task.waitingOn = self
            task.waitingSince = loop.virtualNow ?? loop.pulse.now
            register(.wake(job, unretained))
            if task.mustCancel, cancel(task.requestedMessage) { task.mustCancel = false }
        }
    }

    /// Implements `park` for a Swift task that is not an AsyncTask.
    //
    // The closure mentions `isolation`, because otherwise the handler's body would leave the caller's actor. Leaving
    // the actor would cost two more entries and, under a task-executor preference, a switch to another thread.
    @inline(never)
    private final func parkPlain(
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        let target = CancelTarget(self)
        // Only a task that arrived after the end of a loop with its own thread can wait on a closed loop. Nothing could
        // wake this task, because the loop has no record of it.
        if target.loop.state == .closed { throw RuntimeError("Event loop is closed") }
        await withTaskCancellationHandler {
            _ = isolation
            await suspendPlain()
        } onCancel: {
            target.cancel()
        }
        // A future that accepted the request reports how it ended.
        guard Task.isCancelled, !target.wasAccepted else { return }
        isErrorRetrieved = true
        throw CancellationError()
    }

    private nonisolated(nonsending) final func suspendPlain() async {
        EventLoop.withRequired(for: "await") { $0.parking = .future(Unretained(self), nil) }
        await ParkingPlace.shared.arrive()
    }
}

/// An object that cancels a future when a plain Swift task is cancelled.
///
// SAFETY: the future is accessed only on the loop's thread. Other threads post the request to the loop's inbox.
private final class CancelTarget: @unchecked Sendable {
    private let future: FutureBase
    let loop: EventLoop
    /// Whether the future accepted the cancellation request. Use this property only on the loop's thread.
    private(set) var wasAccepted = false

    init(_ future: FutureBase) {
        self.future = future
        loop = EventLoop.required(for: "await")
    }

    func cancel() {
        if EventLoop.here === loop {
            wasAccepted = future.cancel()
        } else {
            let item = Inbox.Item.callback { [self] in wasAccepted = future.cancel() }
            // A nested loop may have ended. The outer loop runs on the same thread.
            if !loop.send(item), loop.home == nil { LoopExecutor.shared.adopt(item) }
        }
    }
}

/// Yields to all ready tasks and callbacks. The yield takes one turn of the loop and one entry of the ready queue.
///
/// The task itself is put into the ready queue. Because the task does not wait for a future, a cancellation that
/// arrives in the meantime is delivered after the wake-up.
@inline(__always)
nonisolated(nonsending) func yieldToLoop() async throws {
    let task = EventLoop.withRequired(for: "sleep") { loop in
        let task = loop.carriers.current
        loop.parking = .queue(task)
        return task
    }
    await ParkingPlace.shared.arrive()
    if let task {
        try task.with { task throws in try task.deliverCancellation(unlessIn: nil) }
    } else if Task.isCancelled {
        throw CancellationError()
    }
}
