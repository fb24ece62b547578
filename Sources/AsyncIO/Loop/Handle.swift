/// A callback that was given to the loop and may be taken back.
///
/// asyncio: `asyncio.Handle`.
public class Handle {
    /// What runs; `none` once it ran or was cancelled, so that nothing is kept alive.
    @safe @exclusivity(unchecked) var action: Action

    /// Whether `cancel()` was called.
    @safe @exclusivity(unchecked) public private(set) final var isCancelled = false

    enum Action {
        case none
        case callback(() throws -> Void)
        /// Completes a waiter: what `sleep` needs, without a closure.
        case complete(Waiter)
        /// A job of the Swift runtime: what `Task.sleep` needs.
        case job(UnownedJob)
    }

    init(_ action: Action) { self.action = action }

    /// Prevents the callback from running, also if it is in the ready queue
    /// already. What it holds is let go at once. Calling it again does nothing.
    public func cancel() {
        isCancelled = true
        action = .none
    }

    /// Runs the action, once. Called by the loop.
    final func run(on loop: EventLoop) {
        let action = self.action
        self.action = .none
        switch action {
        case .none: break
        case .complete(let waiter): waiter.complete()
        case .job(let job): LoopExecutor.runSynchronously(job)
        case .callback(let callback): loop.call(callback)
        }
    }
}

extension EventLoop {
    /// Calls a callback: its error goes to the exception handler, an interrupt ends the run.
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
        if let interrupt = error as? KeyboardInterrupt {
            escaping = interrupt
        } else {
            callExceptionHandler(
                ExceptionContext(message: "Exception in callback", error: error).traced(stepTimes.origin))
        }
    }
}

/// A callback with a time.
///
/// asyncio: `asyncio.TimerHandle`.
public final class TimerHandle: Handle {
    /// Nanoseconds on the loop's clock.
    let deadline: Int64
    /// Its age among the loop's timers; 0 when it is not among them.
    @safe @exclusivity(unchecked) var sequence: UInt32 = 0
    // SAFETY: used only while the timer is in this loop's heap, which a loop empties before
    // it goes.
    @safe private unowned(unsafe) let loop: EventLoop

    init(on loop: EventLoop, deadline: Int64, _ action: Action) {
        self.loop = loop
        self.deadline = deadline
        super.init(action)
    }

    /// When the callback is due, on the clock of ``EventLoop/now``.
    public var when: ContinuousClock.Instant { .init(loopTime: deadline) }

    /// Prevents the callback from running and lets go of what it holds. A cancelled timer
    /// costs no wake-up; its few bytes go with the next sweep of the loop's timers.
    public override func cancel() {
        let wasCancelled = isCancelled
        super.cancel()
        if sequence != 0, !wasCancelled { loop.timers.noteCancelled() }
    }
}
