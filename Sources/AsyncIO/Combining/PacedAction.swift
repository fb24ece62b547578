/// An action that runs as a task. Runs of the action do not overlap, and do not start during a pause. ``Debouncer`` and
/// ``Throttle`` share this class, but begin the pause at different times. Use this class only on the loop's thread.
final class PacedAction {
    private let pause: Duration
    private let pausesWhenStarted: Bool
    private let start: () -> AsyncTask<Void>
    private var timer: TimerHandle?
    private var latest: AsyncTask<Void>?

    /// The running action, or nil if the latest action has ended. The value is nil even if the callbacks of the ended
    /// action have not run yet.
    private var running: AsyncTask<Void>? { latest.flatMap { $0.isDone ? nil : $0 } }

    /// Whether the action is waiting to run.
    private(set) var isPending = false

    /// - Parameter pausesWhenStarted: Whether a pause begins each time the action starts.
    init(pause: Duration, pausesWhenStarted: Bool, _ start: @escaping () -> AsyncTask<Void>) {
        self.pause = pause
        self.pausesWhenStarted = pausesWhenStarted
        self.start = start
    }

    deinit { timer?.cancel() }

    /// Requests the action. The action starts immediately, or when the current pause and the running action have ended.
    func request() {
        isPending = true
        startIfPossible()
    }

    /// Withdraws the pending request, if any.
    func cancel() { isPending = false }

    /// Begins a pause that replaces the current pause, if any.
    func beginPause() {
        endPause()
        let loop = EventLoop.required(for: "a Debouncer or Throttle")
        timer = loop.schedule(
            .callback(
                CallerContext.bind({ [weak self] in
                    self?.timer = nil
                    self?.startIfPossible()
                })), at: loop.time.advanced(by: pause))
    }

    func endPause() {
        timer?.cancel()
        timer = nil
    }

    /// Runs the action now if it is pending, and waits until the action has ended; see ``Debouncer/flush()``.
    func flush() async throws {
        var failure: (any Error)?
        if let running {
            if running.isCurrent { try await running.awaitSelf() }
            // A later request still runs even if this run failed.
            do { try await shield(running) } catch let error where !isCancellation(error) { failure = error }
        }
        if isPending {
            endPause()
            startIfPossible()
        }
        if let running { try await shield(running) }
        if let failure { throw failure }
    }

    private func startIfPossible() {
        guard isPending, timer == nil, running == nil else { return }
        isPending = false
        if pausesWhenStarted { beginPause() }
        let task = start()
        latest = task
        // If no code retrieves the task's error, it is reported when the task is released.
        task.addDoneCallback { [weak self] task in
            guard let self else { return }
            if latest === task { latest = nil }
            startIfPossible()
        }
    }
}
