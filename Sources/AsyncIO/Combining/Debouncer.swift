/// An object that runs an action after a pause in the calls.
///
/// ```swift
/// let save = Debouncer(delay: .milliseconds(300)) { try await document.save() }
/// save.call() // for each keystroke
/// ```
///
/// The action runs as a task. Actions never overlap: if the action is due while it is still
/// running, it runs again right afterwards. Errors of the action go to the loop's exception
/// handler.
public final class Debouncer {
    // Loop thread only.
    private let delay: Duration
    private let start: () -> AsyncTask<Void>
    private var timer: TimerHandle?
    /// Whether the action became due while it was still running.
    private var isDue = false
    private var running: AsyncTask<Void>?

    /// Creates a debouncer.
    ///
    /// - Parameters:
    ///   - delay: How long to wait after the last call before the action runs.
    ///   - action: The action.
    public init(
        delay: Duration, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ action: @escaping () async throws -> Void
    ) {
        self.delay = delay
        start = { createTask(name: "Debouncer", isolation: isolation, fileID: fileID, line: line, action) }
    }

    deinit { timer?.cancel() }

    /// Whether the action is waiting to run.
    public var isPending: Bool { timer != nil || isDue }

    /// Requests the action. It runs when no further call has been made for the length of the delay.
    public func call() {
        let loop = EventLoop.required(for: "Debouncer.call()")
        timer?.cancel()
        timer = loop.schedule(
            .callback(CallerContext.bind({ [weak self] in self?.fire() })), at: loop.time.advanced(by: delay))
    }

    /// Withdraws the requests whose action has not started. An action that is running continues.
    public func cancel() {
        timer?.cancel()
        timer = nil
        isDue = false
    }

    /// Runs the action now if it is pending, and waits until it has ended. Also waits for an action
    /// that is already running.
    ///
    /// If the current task is cancelled, the wait ends and the action continues.
    ///
    /// - Throws: The errors of the action; `CancellationError` if the task is cancelled.
    public func flush() async throws {
        if let running { try await shield(running) }
        if timer != nil {
            cancel()
            fire()
        }
        if let running { try await shield(running) }
    }

    private func fire() {
        timer = nil
        isDue = running != nil
        guard running == nil else { return }
        let task = start()
        running = task
        // If nothing asks for the task's error, it is reported when the task is released.
        task.addDoneCallback { [weak self] _ in self?.ended() }
    }

    private func ended() {
        running = nil
        if isDue { fire() }
    }
}
