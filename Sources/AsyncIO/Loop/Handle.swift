/// A handle for a scheduled callback, which can be cancelled.
///
/// asyncio: `asyncio.Handle`.
public class Handle {
    /// What to run; `none` after it ran or was cancelled, so that nothing is retained.
    @safe @exclusivity(unchecked) var action: Action

    /// Whether ``cancel()`` was called.
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
    /// are released at once. Calling this again does nothing.
    ///
    /// asyncio: `Handle.cancel`.
    public func cancel() {
        isCancelled = true
        action = .none
    }

    /// Runs the action once. Called by the loop.
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
    /// Calls a callback. An error goes to the exception handler; an interrupt ends the run.
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

    /// Handles an error that no caller can catch. An interrupt ends the run; for any other error, this calls
    /// `report`.
    func handleUncaught(_ error: any Error, report: () -> Void) {
        if let interrupt = error as? KeyboardInterrupt { escaping = interrupt } else { report() }
    }
}

/// A handle for a callback that is scheduled for a certain time.
///
/// asyncio: `asyncio.TimerHandle`.
public final class TimerHandle: Handle {
    /// Nanoseconds on the loop's clock.
    let deadline: Int64
    /// The number that orders the loop's timers by age, or 0 if this is not one of the loop's timers.
    @safe @exclusivity(unchecked) var sequence: UInt32 = 0
    // SAFETY: used only while the timer is in this loop's heap, which the loop empties before it is released.
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

    /// Prevents the callback from running, and releases the objects that it retains. A cancelled timer does not wake
    /// the loop. Its memory is freed when the loop next removes cancelled timers.
    ///
    /// asyncio: `TimerHandle.cancel`.
    public override func cancel() {
        let wasCancelled = isCancelled
        super.cancel()
        if sequence != 0, !wasCancelled { loop.timers.noteCancelled() }
    }
}
