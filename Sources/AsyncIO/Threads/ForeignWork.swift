/// Work on other threads that will report back to a loop through its inbox. This class is used only on the loop's
/// thread.
final class ForeignWork: LoopComponent {
    private var count = 0
    private let closers = WaitQueue()
    /// Whether threads no longer accept work from this loop.
    var isShutDown = false

    override var isBusy: Bool { count > 0 }

    func noteStart() { count += 1 }

    func noteEnd() {
        count -= 1
        if count == 0 { closers.wake() }
    }

    /// Waits until no work is left or `deadline` has passed.
    func waitForEnd(until deadline: Int64?) async throws {
        guard isBusy else { return }
        try await closers.park(for: "shutdownDefaultExecutor()", until: deadline, of: loop)
    }
}

extension EventLoop {
    var foreignWork: ForeignWork { component() }
}
