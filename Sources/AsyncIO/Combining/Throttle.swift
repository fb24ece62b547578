/// An object that runs an action at most once in an interval, regardless of how often it is called.
///
/// ```swift
/// let redraw = Throttle(interval: .milliseconds(100)) { try await screen.draw() }
/// redraw.call() // for each change
/// ```
///
/// The first call runs the action at once. If further calls follow during the interval, the action runs once more at
/// the end of the interval, so the last call is never lost. A ``Debouncer`` waits for a pause in the calls instead.
///
/// The action runs as a task. Actions never overlap: if the action is due while it is still running, it runs again
/// right afterward. Errors that the action throws go to the loop's exception handler.
///
/// asyncio: none. async-algorithms: `throttle(for:)`, for the elements of a sequence.
public final class Throttle {
    private let action: PacedAction

    /// Creates a throttle.
    ///
    /// - Parameters:
    ///   - interval: The minimum time between two starts of the action.
    ///   - action: The action.
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

    /// Requests the action. It starts in the loop's next turn, or as soon as the interval since its last start is over.
    public func call() { action.request() }

    /// Withdraws the requests whose action has not started. An action that is running continues.
    public func cancel() { action.cancel() }

    /// Runs the action now if it is pending, without waiting for the end of the interval, and waits until it has ended.
    /// Also waits for an action that is already running.
    ///
    /// If the current task is cancelled, the wait ends and the action continues.
    ///
    /// - Throws: The errors of the action; ``RuntimeError`` if the action itself calls this; `CancellationError` if the
    ///   task is cancelled.
    public func flush() async throws { try await action.flush() }
}
