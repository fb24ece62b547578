/// Runs an action once calls have stopped coming for a while.
///
/// ```swift
/// let save = Debouncer(delay: .milliseconds(300)) { try await document.save() }
/// save.call() // for each keystroke
/// ```
///
/// The action runs as a task. A call that comes while it runs does not disturb it: actions
/// never overlap, and one whose time has come meanwhile follows at once. An error of the action
/// goes to the loop's exception handler.
public final class Debouncer {
    // Loop thread only.
    private let delay: Duration
    private let start: () -> AsyncTask<Void>
    private var timer: TimerHandle?
    /// The time of an action has come while the one before it still ran.
    private var isDue = false
    private var running: AsyncTask<Void>?

    /// - Parameter delay: how long no call must have come.
    public init(
        delay: Duration, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ action: @escaping () async throws -> Void
    ) {
        self.delay = delay
        start = { createTask(name: "Debouncer", isolation: isolation, fileID: fileID, line: line, action) }
    }

    deinit { timer?.cancel() }

    /// Whether the action is to run.
    public var isPending: Bool { timer != nil || isDue }

    /// Asks for the action: it runs when no other call comes for the delay.
    public func call() {
        let loop = EventLoop.required(for: "Debouncer.call()")
        timer?.cancel()
        timer = loop.schedule(
            .callback(CallerContext.bind({ [weak self] in self?.fire() })), at: loop.time.advanced(by: delay))
    }

    /// Takes calls back whose action has not begun.
    public func cancel() {
        timer?.cancel()
        timer = nil
        isDue = false
    }

    /// Runs the action now if it is pending, and waits for it, also if it is running.
    ///
    /// - Throws: what the action throws; `CancellationError`.
    public nonisolated(nonsending) func flush() async throws {
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
        // Once nobody holds it, an error that nobody asked for is reported.
        task.addDoneCallback { [weak self] _ in self?.ended() }
    }

    private func ended() {
        running = nil
        if isDue { fire() }
    }
}
