/// A handle that can cancel a scheduled callback.
///
/// asyncio: `asyncio.Handle`.
public class Handle {
    /// The action to run. It becomes `none` after the action has run or has been cancelled, so that nothing is
    /// retained.
    @safe @exclusivity(unchecked) var action: Action

    /// Whether ``cancel()`` has been called.
    ///
    /// asyncio: `Handle.cancelled`.
    @safe @exclusivity(unchecked) public private(set) final var isCancelled = false

    enum Action {
        case none
        case callback(() throws -> Void)
        /// Completes a waiter without a closure.
        case complete(Waiter)
        /// A job of the Swift runtime, for `Task.sleep`.
        case job(UnownedJob)
    }

    init(_ action: Action) { self.action = action }

    /// Prevents the callback from running, even if it is already in the ready queue. Objects that the callback retains
    /// are released at once. Calling this method again has no effect.
    ///
    /// asyncio: `Handle.cancel`.
    public func cancel() {
        isCancelled = true
        action = .none
    }

    /// Runs the action once. The loop calls this method.
    final func run(on loop: EventLoop) {
        let action = self.action
        self.action = .none
        switch action {
        case .none: break
        case .complete(let waiter): waiter.complete()
        case .job(let job): loop.runSleep(job)
        case .callback(let callback): loop.call(callback)
        }
    }
}

extension EventLoop {
    /// Calls a callback. If the callback throws an error, the error goes to the exception handler. An interrupt ends
    /// the run.
    @inline(__always)
    func call(_ callback: () throws -> Void) {
        do {
            try callback()
        } catch {
            callbackFailed(error)
        }
    }

    @inline(never)
    private func callbackFailed(_ error: any Error) {
        handleUncaught(error) {
            callExceptionHandler(
                ExceptionContext(message: "Exception in callback", error: error).traced(origin))
        }
    }

    /// Handles an error that no caller can catch. An interrupt ends the run. For any other error, this method calls
    /// `report`.
    func handleUncaught(_ error: any Error, report: () -> Void) {
        if let interrupt = error as? KeyboardInterrupt { escaping = interrupt } else { report() }
    }
}

/// A handle for a callback that is scheduled for a certain time.
///
/// asyncio: `asyncio.TimerHandle`.
public final class TimerHandle: Handle {
    /// The deadline, in nanoseconds on the loop's clock.
    let deadline: Int64
    /// The number that orders the loop's timers by age, or 0 if the handle is not one of the loop's timers.
    @safe @exclusivity(unchecked) var sequence: UInt32 = 0
    // SAFETY: this property is used only while the timer is in the loop's heap. The loop empties the heap before the
    // loop is released.
    @safe private unowned(unsafe) let loop: EventLoop

    init(on loop: EventLoop, deadline: Int64, _ action: Action) {
        self.loop = loop
        self.deadline = deadline
        super.init(action)
    }

    /// The deadline of the callback, on the loop's clock; see ``EventLoop/now``.
    ///
    /// asyncio: `TimerHandle.when`.
    public var when: ContinuousClock.Instant { .init(loopTime: deadline) }

    /// Prevents the callback from running, and releases the objects that the callback retains. A cancelled timer does
    /// not wake the loop. The loop frees the memory of the timer when it next removes cancelled timers.
    ///
    /// asyncio: `TimerHandle.cancel`.
    public override func cancel() {
        let wasCancelled = isCancelled
        super.cancel()
        if sequence != 0, !wasCancelled { loop.timers.noteCancelled() }
    }
}
