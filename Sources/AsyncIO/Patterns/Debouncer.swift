/// Runs an action once calls have stopped coming for a while.
///
/// ```swift
/// let save = Debouncer(delay: .milliseconds(300)) { try await document.save() }
/// save.call() // for each keystroke
/// ```
///
/// The action runs as a task. A call that comes while it runs starts the wait anew and does
/// not disturb it; actions never overlap. An error of the action goes to the loop's exception
/// handler.
public final class Debouncer {
    // Loop thread only.
    private let delay: Duration
    private let start: () -> AsyncTask<Void>
    private var timer: TimerHandle?
    private var running: AsyncTask<Void>?

    /// - Parameter delay: how long no call must have come.
    public init(
        delay: Duration, isolation: isolated (any Actor)? = #isolation, _ action: @escaping () async throws -> Void
    ) {
        self.delay = delay
        start = { createTask(name: "Debouncer", isolation: isolation, action) }
    }

    deinit { timer?.cancel() }

    /// Whether the action is to run.
    public var isPending: Bool { timer != nil }

    /// Asks for the action: it runs when no other call comes for the delay.
    public func call() {
        let loop = EventLoop.required(for: "Debouncer.call()")
        timer?.cancel()
        timer = loop.schedule(.callback { [weak self] in self?.fire() }, at: loop.time.advanced(by: delay))
    }

    /// Takes calls back whose action has not begun.
    public func cancel() {
        timer?.cancel()
        timer = nil
    }

    /// Runs the action now if it is pending, and waits for it, also if it is running.
    ///
    /// - Throws: what the action throws; `CancellationError`.
    public nonisolated(nonsending) func flush() async throws {
        if let running { try await shield(running) }
        guard timer != nil else { return }
        cancel()
        fire()
        if let running { try await shield(running) }
    }

    private func fire() {
        timer = nil
        if let running, !running.isDone {
            // One at a time: this one's turn comes when that one has ended.
            running.onDone { [weak self] _ in self?.call() }
            return
        }
        let task = start()
        running = task
        // Once nobody holds it, an error that nobody asked for is reported.
        task.addDoneCallback { [weak self] task in
            if self?.running === task { self?.running = nil }
        }
    }
}
