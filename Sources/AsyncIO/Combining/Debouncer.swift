/// An object that runs an action after a pause in the calls.
///
/// ```swift
/// let save = Debouncer(delay: .milliseconds(300)) { try await document.save() }
/// save.call() // for each keystroke
/// ```
///
/// The action runs as a task. Actions never overlap: if the action is due while it is still
/// running, it runs again right afterward. Errors that the action throws go to the loop's exception handler.
public final class Debouncer {
    private let action: PacedAction

    /// Creates a debouncer.
    ///
    /// - Parameters:
    ///   - delay: How long to wait after the last call before the action runs.
    ///   - action: The action.
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

    /// Requests the action. It runs when no further call has been made for the length of the delay.
    public func call() {
        action.beginPause()
        action.request()
    }

    /// Withdraws the requests whose action has not started. An action that is running continues.
    public func cancel() {
        action.cancel()
        action.endPause()
    }

    /// Runs the action now if it is pending, and waits until it has ended. Also waits for an action
    /// that is already running.
    ///
    /// If the current task is cancelled, the wait ends and the action continues.
    ///
    /// - Throws: The errors of the action; ``RuntimeError`` if the action itself calls this; `CancellationError` if the
    ///   task is cancelled.
    public func flush() async throws { try await action.flush() }
}
