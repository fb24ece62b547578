/// An object that runs an action at most once in an interval, regardless of how often it is called.
///
/// ```swift
/// let redraw = Throttle(interval: .milliseconds(100)) { try await screen.draw() }
/// redraw.call() // for each change
/// ```
///
/// The first call runs the action at once. Calls during the interval after that run the action once more, at the end of
/// the interval, so the last call is never lost. A ``Debouncer`` waits for a pause in the calls instead.
///
/// The action runs as a task. Actions never overlap: if the action is due while it is still running, it runs again
/// right afterwards. Errors of the action go to the loop's exception handler.
///
/// asyncio: none. async-algorithms: `throttle(for:)`, for the elements of a sequence.
public final class Throttle {
    // Loop thread only.
    private let interval: Duration
    private let start: () -> AsyncTask<Void>
    private var timer: TimerHandle?
    private var running: AsyncTask<Void>?

    /// Whether the action is waiting to run.
    public private(set) var isPending = false

    /// Creates a throttle.
    ///
    /// - Parameters:
    ///   - interval: The minimum time between two starts of the action.
    ///   - action: The action.
    public init(
        interval: Duration, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ action: @escaping () async throws -> Void
    ) {
        self.interval = interval
        start = { createTask(name: "Throttle", isolation: isolation, fileID: fileID, line: line, action) }
    }

    deinit { timer?.cancel() }

    /// Requests the action. It starts in the loop's next turn, or as soon as the interval since its last start is over.
    public func call() {
        isPending = true
        fireIfPossible()
    }

    /// Withdraws the requests whose action has not started. An action that is running continues.
    public func cancel() { isPending = false }

    /// Runs the action now if it is pending, without waiting for the end of the interval, and waits until it has ended.
    /// Also waits for an action that is already running.
    ///
    /// If the current task is cancelled, the wait ends and the action continues.
    ///
    /// - Throws: The errors of the action; `CancellationError` if the task is cancelled.
    public func flush() async throws {
        if let running { try await shield(running) }
        timer?.cancel()
        timer = nil
        fireIfPossible()
        if let running { try await shield(running) }
    }

    private func fireIfPossible() {
        guard isPending, timer == nil, running == nil else { return }
        isPending = false
        let loop = EventLoop.required(for: "Throttle.call()")
        timer = loop.schedule(
            .callback(
                CallerContext.bind({ [weak self] in
                    self?.timer = nil
                    self?.fireIfPossible()
                })), at: loop.time.advanced(by: interval))
        let task = start()
        running = task
        // If the task's error is not retrieved, it is reported when the task is released.
        task.addDoneCallback { [weak self] _ in
            self?.running = nil
            self?.fireIfPossible()
        }
    }
}
