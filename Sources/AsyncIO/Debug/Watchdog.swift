internal import AsyncIOSystem
internal import Logging

// # The watchdog
//
// A thread of its own looks at the pulse of the loop that runs, some times a second. A loop
// that neither sleeps nor has made a step since the last look may be blocked; if that
// lasts, the watchdog says so *meanwhile*, with the task that runs and the stack of the
// loop's thread. The loop pays a few stores for each step and nothing else.
//
// Reading the task's name from another thread needs it to stay where it is. The watchdog
// raises a flag and makes all threads see it (membarrier); if the pulse has not moved then,
// the loop's thread is still inside the step, and waits at its end, or the task's end, until
// the watchdog has read. Otherwise the loop is not blocked, and there is nothing to report.

/// Watches the loops of the process. Any thread, except as marked.
final class Watchdog: Sendable {
    static let shared = Watchdog()

    private struct Watched {
        let loop: EventLoop
        let thread: ThreadPlace
        /// Nanoseconds; nil for a loop that is not watched.
        var threshold: Int64?

        // What the latest look showed.
        var steps: UInt64 = 0
        var since: Int64 = 0
        /// When to report next.
        var nextReport: Int64 = 0
        var hasReported = false
    }

    private struct State {
        /// The loops that run, one inside the other: the last one is watched.
        var running: [Watched] = []
        var isStarted = false
        var handler: (@Sendable (BlockedLoopReport) -> Void)?
        var stalls = 0
        var longestStall: Int64 = 0
    }

    private let state = Guarded(State())
    /// Held while the watchdog looks at a task.
    private let gate = Guarded(())
    private let bell = ThreadGate()
    /// Held by the watchdog's thread from a look to the end of its report.
    private let looking = Guarded(())

    // MARK: The loop's thread

    func beginWatching(_ loop: EventLoop) {
        if Environment.inspect { Self.startInspection }
        let isReal = loop.virtualNow == nil && !loop.isPumped
        let threshold = isReal ? loop.blockedThreshold?.roundedUpNanoseconds : nil
        let watched = Watched(loop: loop, thread: ThreadPlace.current, threshold: threshold)
        if isReal { loop.pulse.now = SystemClock.now() }
        let mustStart = state.withLock { state in
            state.running.append(watched)
            defer { if threshold != nil { state.isStarted = true } }
            return threshold != nil && !state.isStarted
        }
        if mustStart { start() }
    }

    func endWatching(_ loop: EventLoop) {
        let ended = state.withLock { state -> Int64? in
            var ended: Int64?
            if let index = state.running.lastIndex(where: { $0.loop === loop }) {
                let watched = state.running.remove(at: index)
                if watched.hasReported { ended = SystemClock.now() - watched.since }
            }
            // The one around it went on all the while; what it did is no news.
            if let last = state.running.indices.last {
                state.running[last].since = 0
                state.running[last].hasReported = false
            }
            return ended
        }
        guard let ended else { return }
        // The report may be on its way still, and comes first.
        looking.withLock { _ in }
        Self.tellEnd(ended, loop)
    }

    private static func tellEnd(_ duration: Int64, _ loop: EventLoop) {
        EventLoop.logger(loop: loop, task: nil).notice(
            "The event loop turns again, after \(Duration.nanoseconds(duration).inWords)")
    }

    func setThreshold(_ threshold: Duration?, of loop: EventLoop) {
        let mustStart = state.withLock { state in
            for index in state.running.indices where state.running[index].loop === loop {
                state.running[index].threshold = threshold?.roundedUpNanoseconds
                state.running[index].nextReport = 0
            }
            defer { if threshold != nil, !state.running.isEmpty { state.isStarted = true } }
            return threshold != nil && !state.isStarted && !state.running.isEmpty
        }
        if mustStart { start() }
    }

    /// Waits until the watchdog has looked, if it does.
    static func waitWhileLooking() { shared.gate.withLock { _ in } }

    /// Runs `body` while the watchdog looks at no task.
    static func whileNotLooking(_ body: () -> Void) { shared.gate.withLock { _ in body() } }

    private static let startInspection: Void = {
        do {
            try allowInspection(dumpSignal: Environment.dumpSignal)
        } catch {
            EventLoop.logger(loop: nil, task: nil).warning("ASYNCIO_INSPECT: \(error)")
        }
    }()

    // MARK: Figures

    var handler: (@Sendable (BlockedLoopReport) -> Void)? {
        get { state.withLock { $0.handler } }
        set { state.withLock { $0.handler = newValue } }
    }

    var stalls: (count: Int, longest: Duration) {
        state.withLock { ($0.stalls, .nanoseconds($0.longestStall)) }
    }

    // MARK: The watchdog's thread

    /// Between two looks.
    private static let interval: Int64 = 100_000_000

    private func start() {
        do {
            try Thread.start(named: "asyncio-watch") { [self] in
                while true {
                    sleepOnce()
                    looking.withLock { _ in look() }
                }
            }
        } catch {
            EventLoop.logger(loop: nil, task: nil).warning("The watchdog could not be started: \(error)")
        }
    }

    private func sleepOnce() {
        // Nothing to watch: look now and then only.
        let isIdle = state.withLock { $0.running.last?.threshold == nil }
        _ = bell.wait(timeout: isIdle ? 4 * Self.interval : Self.interval)
    }

    private func look() {
        let now = SystemClock.now()
        let (stuck, ended) = state.withLock { state -> (Watched?, (Int64, EventLoop)?) in
            var stuck: Watched?
            var ended: (Int64, EventLoop)?
            guard let last = state.running.indices.last, let threshold = state.running[last].threshold else {
                return (nil, nil)
            }
            var watched = state.running[last]
            watched.loop.pulse.now = now
            let steps = watched.loop.pulse.steps
            if steps != watched.steps || watched.since == 0 || watched.loop.pulse.isAsleep {
                if watched.hasReported { ended = (now - watched.since, watched.loop) }
                watched.steps = steps
                watched.since = now
                watched.nextReport = threshold
                watched.hasReported = false
            } else if now - watched.since >= watched.nextReport {
                // Again when it has lasted ten times as long.
                watched.nextReport = max(watched.nextReport, threshold) * 10
                if !watched.hasReported { state.stalls += 1 }
                watched.hasReported = true
                stuck = watched
            }
            if watched.hasReported { state.longestStall = max(state.longestStall, now - watched.since) }
            state.running[last] = watched
            return (stuck, ended)
        }
        if let ended { Self.tellEnd(ended.0, ended.1) }
        if let stuck, let report = report(on: stuck) { tell(report, stuck.loop) }
    }

    /// What a loop is stuck in; nil if it is not stuck any more.
    private func report(on stuck: Watched) -> BlockedLoopReport? {
        let addresses = CodeAddresses(of: stuck.thread)
        let pulse = stuck.loop.pulse
        let facts = gate.withLock { _ -> (name: String?, site: CreationSite?)? in
            pulse.raise(.held)
            defer { pulse.lower(.held) }
            guard Pulse.barrierForAll(), pulse.steps == stuck.steps else { return nil }
            // SAFETY: the loop's thread is inside the step that runs this task, and waits
            // for the gate before it leaves it or ends the task.
            guard let pointer = unsafe pulse.task else { return (nil, nil) }
            return unsafe Unmanaged<AnyAsyncTask>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                ($0.visible?.name ?? $0.name, $0.site)
            }
        }
        guard let facts else { return nil }
        let duration = Duration.nanoseconds(SystemClock.now() - stuck.since)
        return BlockedLoopReport(
            task: facts.name, created: facts.site, duration: duration,
            stack: CallGraphFrame.users(among: CallGraphFrame.onLoopsStack(Symbolizer.places(of: addresses))))
    }

    private func tell(_ report: BlockedLoopReport, _ loop: EventLoop) {
        if let handler { return handler(report) }
        var metadata: Logger.Metadata = [:]
        if let created = report.created { metadata["created"] = "\(created)" }
        if !report.stack.isEmpty { metadata["stack"] = .array(report.stack.map { "\($0)" }) }
        EventLoop.logger(loop: loop, task: report.task).warning("\(report)", metadata: metadata)
    }

    /// What the loop that runs now is stuck in, for whom that asks: nil if it turns.
    func presentReport() -> BlockedLoopReport? {
        let watched = state.withLock { $0.running.last }
        guard var watched, !watched.loop.pulse.isAsleep else { return nil }
        watched.steps = watched.loop.pulse.steps
        if watched.since == 0 { watched.since = SystemClock.now() }
        return report(on: watched)
    }

    /// The loop that runs, for whom that asks.
    var runningLoop: EventLoop? { state.withLock { $0.running.last?.loop } }
}

extension EventLoop {
    /// After how long without a turn the watchdog reports that the loop is blocked; nil for
    /// never. One second, unless the environment variable `ASYNCIO_WATCHDOG` gives another
    /// number of seconds; 0 there turns the watchdog off.
    ///
    /// The report is logged at level `warning`, with the task that runs and the stack of the
    /// loop's thread; see ``setBlockedHandler(_:)``. A loop in virtual time is not watched.
    public var blockedThreshold: Duration? {
        get { storedThreshold }
        set {
            assertUsable("blockedThreshold")
            storedThreshold = newValue.map { max($0, .milliseconds(1)) }
            Watchdog.shared.setThreshold(storedThreshold, of: self)
        }
    }

    /// Who is told that the loop is blocked, while it is, on the watchdog's thread; nil for
    /// the default, which logs it.
    public func setBlockedHandler(_ handler: (@Sendable (BlockedLoopReport) -> Void)?) {
        Watchdog.shared.handler = handler
    }
}
