internal import AsyncIOSystem

/// A question that another thread asks a loop.
struct LoopQuestion {
    private var glance: Watchdog.Glance
    private let answer = Answer()
    private var state = State.open

    private enum State {
        case open
        case answered(LoopFinding.Result)
        /// The loop is no longer running.
        case ended
    }

    init(to glance: Watchdog.Glance, stacks: LoopSnapshot.Stacks, limit: Int) {
        self.glance = glance
        let isAccepted = glance.loop.send(
            .callback { [answer] in
                guard let loop = EventLoop.here else { return }
                loop.component(Inspection.self).note()
                if answer.isAwaited { answer.give(LoopSnapshot(of: loop, stacks: stacks, limit: limit)) }
            })
        if !isAccepted { state = .ended }
    }

    var isOpen: Bool { if case .open = state { true } else { false } }

    mutating func waitForAnswer(until deadline: Int64) {
        guard isOpen, let snapshot = answer.wait(max(0, deadline - SystemClock.now())) else { return }
        state = .answered(.snapshot(snapshot))
    }

    /// Finds out whether a loop that has not answered is blocked, has ended, or is only slow.
    mutating func lookWhyNot() {
        guard isOpen else { return }
        guard let next = Watchdog.shared.glance(at: glance.loop) else {
            state = .ended
            return
        }
        if let report = Watchdog.shared.report(ifStillAt: glance) { state = .answered(.blocked(report)) }
        glance = next
    }

    /// Returns the result, or nil if the loop has ended.
    func finding() -> LoopFinding? {
        answer.giveUp()
        return switch state {
        case .open: LoopFinding(loop: glance.loop, result: .nothing("the event loop does not answer"))
        case .answered(let result): LoopFinding(loop: glance.loop, result: result)
        case .ended: nil
        }
    }
}

/// The answer that a loop's thread passes to the asking thread.
private final class Answer: Sendable {
    private let state = Guarded<(snapshot: LoopSnapshot?, isAwaited: Bool)>((nil, true))
    private let gate = ThreadGate()

    var isAwaited: Bool { state.withLock { $0.isAwaited } }
    func giveUp() { state.withLock { $0.isAwaited = false } }

    func give(_ snapshot: LoopSnapshot) {
        state.withLock { $0.snapshot = snapshot }
        gate.open()
    }

    func wait(_ timeout: Int64) -> LoopSnapshot? {
        guard gate.wait(timeout: timeout) else { return nil }
        return state.withLock { $0.snapshot }
    }
}

/// Times steps for ten seconds after a tool has sent a request, so that the answer to the tool's next request includes
/// run times. This class is used only on the loop's thread.
private final class Inspection: LoopComponent {
    private var timer: TimerHandle?

    func note() {
        loop.component(StepTimer.self).time(true, for: .inspection)
        timer?.cancel()
        timer = loop.schedule(
            .callback { [unowned self] in loop.component(StepTimer.self).time(false, for: .inspection) },
            at: loop.time.advanced(by: .seconds(10)))
    }
}
