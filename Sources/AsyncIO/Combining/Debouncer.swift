/// An object that runs an action after a pause in the calls to ``call()``.
///
/// ```swift
/// let save = Debouncer(delay: .milliseconds(300)) { try await document.save() }
/// save.call() // for each keystroke
/// ```
///
/// The action runs as a task. Runs of the action never overlap. If the action is due during a previous run, it runs
/// again when that run ends. Errors that the action throws go to the loop's exception handler.
public final class Debouncer {
    private let action: PacedAction

    /// Creates a debouncer.
    ///
    /// - Parameters:
    ///   - delay: The time to wait after the last call before the action runs.
    ///   - action: The action to run.
    public init(
        delay: Duration, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ action: @escaping () async throws -> Void
    ) {
        self.action = PacedAction(pause: delay, pausesWhenStarted: false) {
            createTask(name: "Debouncer", isolation: isolation, fileID: fileID, line: line, action)
        }
    }

    /// Whether the action is waiting to run.
    public var isPending: Bool { action.isPending }

    /// Requests the action. The action runs when the delay has passed without another call.
    public func call() {
        action.beginPause()
        action.request()
    }

    /// Withdraws all requests for which the action has not started. A running action continues.
    public func cancel() {
        action.cancel()
        action.endPause()
    }

    /// Runs the action now if it is pending, and waits until the action has ended. This method also waits for a running
    /// action.
    ///
    /// If the current task is cancelled, the wait ends, and the action continues.
    ///
    /// - Throws: The error that the action throws; ``RuntimeError`` if the action itself calls this method;
    ///   `CancellationError` if the task is cancelled.
    public func flush() async throws { try await action.flush() }
}
