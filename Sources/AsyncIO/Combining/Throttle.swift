/// An object that runs an action at most once per interval, regardless of how often the action is requested.
///
/// ```swift
/// let redraw = Throttle(interval: .milliseconds(100)) { try await screen.draw() }
/// redraw.call() // for each change
/// ```
///
/// The first call runs the action immediately. If more calls follow during the interval, the action runs once more at
/// the end of the interval, so the last call is never lost. In contrast, a ``Debouncer`` waits for a pause in the
/// calls.
///
/// The action runs as a task. Runs of the action never overlap. If the action is due during a previous run, it runs
/// again when that run ends. Errors that the action throws go to the loop's exception handler.
///
/// asyncio: none. async-algorithms: `throttle(for:)`, for the elements of a sequence.
public final class Throttle {
    private let action: PacedAction

    /// Creates a throttle.
    ///
    /// - Parameters:
    ///   - interval: The minimum time between two starts of the action.
    ///   - action: The action to run.
    public init(
        interval: Duration, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ action: @escaping () async throws -> Void
    ) {
        self.action = PacedAction(pause: interval, pausesWhenStarted: true) {
            createTask(name: "Throttle", isolation: isolation, fileID: fileID, line: line, action)
        }
    }

    /// Whether the action is waiting to run.
    public var isPending: Bool { action.isPending }

    /// Requests the action. The action starts in the loop's next turn, or at the end of the current interval.
    public func call() { action.request() }

    /// Withdraws all requests for which the action has not started. A running action continues.
    public func cancel() { action.cancel() }

    /// Runs the action now if it is pending, without waiting for the end of the interval, and waits until the action
    /// has ended. This method also waits for a running action.
    ///
    /// If the current task is cancelled, the wait ends, and the action continues.
    ///
    /// - Throws: The error that the action throws; ``RuntimeError`` if the action itself calls this method;
    ///   `CancellationError` if the task is cancelled.
    public func flush() async throws { try await action.flush() }
}
