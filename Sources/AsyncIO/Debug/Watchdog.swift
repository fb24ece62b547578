internal import AsyncIOSystem
internal import Logging

// # The watchdog
//
// The watchdog's thread checks the pulse of each running loop several times a second. A loop that is not in its poller
// and has not moved since the last check may be blocked. If that lasts, the watchdog reports it *while the loop is
// still blocked*, with the running task and the stack of the loop's thread. The loop pays only a few stores for each
// step and each poll.
//
// While another thread reads the task's name, the task must not be deallocated. The watchdog raises a flag and makes
// all threads see it (membarrier). If the pulse still has not moved, the loop's thread is inside the step. It then
// waits at the end of the step, or of the task, until the watchdog has read the name. Otherwise the loop is not
// blocked, and there is nothing to report. This check comes after the stack was captured, so the stack also belongs to
// that step.
//
// If a check happens much too late, the machine had no time for this process, or the process was stopped. That gives no
// information about the loop, so the watchdog starts measuring the loop's time again.

/// The watchdog's settings and findings for a loop. Any thread can use them.
struct Blockage {
    var threshold = Environment.blockedThreshold
    var handler: (@Sendable (BlockedLoopReport) -> Void)?
    var stalls = 0
    /// The longest time for which the loop was blocked, in nanoseconds.
    var longest: Int64 = 0

    private static let all = Guarded<[ObjectIdentifier: Blockage]>([:])

    static func with<T>(_ loop: EventLoop, _ body: (inout Blockage) -> T) -> T {
        all.withLock { body(&$0[ObjectIdentifier(loop), default: Blockage()]) }
    }

    static func begin(_ loop: ObjectIdentifier) { all.withLock { $0[loop] = Blockage() } }
    static func end(_ loop: ObjectIdentifier) { all.withLock { $0[loop] = nil } }
}

/// A component that makes the watchdog watch the runs of a loop. This class is used only on the loop's thread.
final class WatchedRuns: LoopComponent {
    private let identifier: ObjectIdentifier

    required init(on loop: EventLoop) {
        identifier = ObjectIdentifier(loop)
        super.init(on: loop)
        Blockage.begin(identifier)
    }

    deinit { Blockage.end(identifier) }

    override func runWillBegin() { Watchdog.shared.beginWatching(loop) }
    override func runDidEnd() { Watchdog.shared.endWatching(loop) }
}

/// An object that watches the loops of the process. Any thread can use it, except where noted.
package final class Watchdog: Sendable {
    package static let shared = Watchdog()

    private struct Watched {
        let loop: EventLoop
        let thread: ThreadPlace
        /// The system's ID for the thread.
        let number: Int32
        /// The threshold in nanoseconds, or nil for a loop that is not watched.
        var threshold: Int64?

        // The result of the latest check.
        var position: Pulse.Position?
        var latestLook: Int64 = 0
        var since: Int64 = 0
        /// The time of the next report, in nanoseconds since `since`.
        var nextReport: Int64 = 0
        var hasReported = false
        /// Whether the report went to the log rather than to a handler. If so, the end of the stall is also logged.
        var isLogged = false

        /// Restarts the measurement of the loop's time.
        mutating func begin(at position: Pulse.Position?, _ now: Int64) {
            self.position = position
            since = now
            nextReport = threshold ?? 0
            (hasReported, isLogged) = (false, false)
        }

        enum Finding {
            case nothing
            /// A report on the loop is due.
            case stuck
            /// The loop has continued after a report that was logged.
            case ended(Int64)
        }

        /// Compares the loop's position with that of the latest check.
        mutating func look(at now: Int64) -> Finding {
            guard let threshold else { return .nothing }
            loop.pulse.now = now
            let position = loop.pulse.position
            noteDuration(until: now)
            let isLate = now - latestLook > Watchdog.idleInterval + threshold
            latestLook = now
            if position != self.position || position.isPolling {
                defer { begin(at: position, now) }
                return isLogged ? .ended(now - since) : .nothing
            }
            if isLate, !hasReported {
                begin(at: position, now)
            } else if now - since >= nextReport {
                // Report again after ten times as long.
                nextReport = max(nextReport, threshold) * 10
                return .stuck
            }
            return .nothing
        }

        /// Records how long the loop has been blocked, if the watchdog has reported the loop.
        func noteDuration(until now: Int64) {
            guard hasReported else { return }
            Blockage.with(loop) { $0.longest = max($0.longest, now - since) }
        }
    }

    private struct State {
        /// The running loops. If a thread has several running loops, they are nested, and only the last loop is
        /// watched.
        var running: [Watched] = []
        var isStarted = false

        /// The indices of the innermost loops of all threads.
        var watched: [Int] {
            running.indices.filter { index in
                !running[(index + 1)...].contains { $0.number == running[index].number }
            }
        }
    }

    private let state = Guarded(State())
    private let bell = ThreadGate()
    /// A lock that the watchdog's thread holds from a check until the end of its report.
    private let looking = Guarded(())
    private let hasThread: Bool

    /// Creates a watchdog.
    ///
    /// - Parameter hasThread: Whether the watchdog starts a thread for its checks. Without a thread, the caller calls
    ///   ``look(at:)``.
    package init(hasThread: Bool = true) { self.hasThread = hasThread }

    // MARK: The loop's thread

    package func beginWatching(_ loop: EventLoop) {
        if Environment.inspect { Self.startInspection }
        let isReal = loop.virtualNow == nil && !loop.isPumped
        let threshold = isReal ? loop.blockedThreshold?.roundedUpNanoseconds : nil
        let watched = Watched(
            loop: loop, thread: ThreadPlace.current, number: Thread.number, threshold: threshold)
        if isReal { loop.pulse.now = SystemClock.now() }
        let mustStart = state.withLock { state in
            state.running.append(watched)
            return claimStart(&state)
        }
        if mustStart { start() }
    }

    /// Whether the loop is being watched, for tests.
    package func isWatching(_ loop: EventLoop) -> Bool { state.withLock { $0.running.contains { $0.loop === loop } } }

    package func endWatching(_ loop: EventLoop) {
        // A report may be under way, and has to finish first.
        let ended = looking.withLock { _ in
            state.withLock { state -> Int64? in
                var ended: Int64?
                let now = SystemClock.now()
                guard let index = state.running.lastIndex(where: { $0.loop === loop }) else { return nil }
                let watched = state.running.remove(at: index)
                watched.noteDuration(until: now)
                if watched.isLogged { ended = now - watched.since }
                // The enclosing loop was not blocked during this time; do not report it.
                if let outer = state.running.lastIndex(where: { $0.number == watched.number }) {
                    state.running[outer].begin(at: nil, 0)
                }
                return ended
            }
        }
        if let ended { Self.tellEnd(ended, loop) }
    }

    private static func tellEnd(_ duration: Int64, _ loop: EventLoop) {
        EventLoop.logger(loop: loop, task: nil).notice(
            "The event loop is responsive again after \(Duration.nanoseconds(duration).inWords)")
    }

    func setThreshold(_ threshold: Duration?, of loop: EventLoop) {
        let mustStart = state.withLock { state in
            for index in state.running.indices where state.running[index].loop === loop {
                state.running[index].threshold = threshold?.roundedUpNanoseconds
                state.running[index].nextReport = threshold?.roundedUpNanoseconds ?? 0
            }
            return claimStart(&state)
        }
        if mustStart { start() }
    }

    private func claimStart(_ state: inout State) -> Bool {
        guard hasThread, !state.isStarted, state.running.contains(where: { $0.threshold != nil }) else { return false }
        state.isStarted = true
        return true
    }

    private static let startInspection: Void = {
        do {
            try allowInspection(dumpSignal: Environment.dumpSignal)
        } catch {
            EventLoop.logger(loop: nil, task: nil).warning("ASYNCIO_INSPECT: \(describe(error))")
        }
    }()

    // MARK: The watchdog's thread

    /// The time between two checks, in nanoseconds.
    private static let interval: Int64 = 100_000_000
    /// The time between two checks while no loop is watched, in nanoseconds.
    private static let idleInterval = 4 * interval

    private func start() {
        do {
            try Thread.start(named: "asyncio-watch") { [self] in
                while true {
                    sleepOnce()
                    looking.withLock { _ in look(at: SystemClock.now()) }
                }
            }
        } catch {
            EventLoop.logger(loop: nil, task: nil).warning("the watchdog could not be started: \(describe(error))")
        }
    }

    private func sleepOnce() {
        let isIdle = state.withLock { state in !state.watched.contains { state.running[$0].threshold != nil } }
        _ = bell.wait(timeout: isIdle ? Self.idleInterval : Self.interval)
    }

    /// Checks the running loops, and reports the loops that are blocked.
    ///
    /// - Parameter now: The time in nanoseconds, on the system's clock.
    package func look(at now: Int64) {
        let (stuck, ended) = state.withLock { state -> ([Watched], [(Int64, EventLoop)]) in
            var stuck: [Watched] = []
            var ended: [(Int64, EventLoop)] = []
            for index in state.watched {
                switch state.running[index].look(at: now) {
                case .stuck: stuck.append(state.running[index])
                case .ended(let duration): ended.append((duration, state.running[index].loop))
                case .nothing: break
                }
            }
            return (stuck, ended)
        }
        for (duration, loop) in ended { Self.tellEnd(duration, loop) }
        for stuck in stuck {
            guard let report = report(on: stuck, at: now) else { continue }
            let handler = Blockage.with(stuck.loop) { $0.handler }
            note(stuck, now, isLogged: handler == nil)
            if let handler { handler(report) } else { Self.log(report, stuck.loop) }
        }
    }

    /// Records that the loop is blocked.
    private func note(_ stuck: Watched, _ now: Int64, isLogged: Bool) {
        state.withLock { state in
            guard let index = state.running.lastIndex(where: { $0.loop === stuck.loop }),
                state.running[index].position == stuck.position
            else { return }
            state.running[index].hasReported = true
            if isLogged { state.running[index].isLogged = true }
        }
        Blockage.with(stuck.loop) { blockage in
            if !stuck.hasReported { blockage.stalls += 1 }
            blockage.longest = max(blockage.longest, now - stuck.since)
        }
    }

    /// Returns a report on a loop that is stuck, or nil if the loop has continued.
    private func report(on stuck: Watched, at now: Int64) -> BlockedLoopReport? {
        let addresses = CodeAddresses(of: stuck.thread)
        let pulse = stuck.loop.pulse
        let facts = pulse.whileHeld { () -> (name: String?, site: CreationSite?)? in
            guard Pulse.barrierForAll(), pulse.position == stuck.position else { return nil }
            // SAFETY: the loop's thread is inside the step that runs this task, and waits for the
            // gate before it leaves the step or ends the task.
            guard let pointer = unsafe pulse.task else { return (nil, nil) }
            return unsafe Unmanaged<AnyAsyncTask>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                ($0.visible?.name ?? $0.name, $0.site)
            }
        }
        guard let facts else { return nil }
        return BlockedLoopReport(
            loop: stuck.loop.name, namesLoop: mustName(stuck.loop), task: facts.name, created: facts.site,
            duration: .nanoseconds(now - stuck.since),
            stack: CallGraphFrame.users(among: CallGraphFrame.onLoopsStack(Symbolizer.places(of: addresses))))
    }

    /// Whether reports must include the name of a loop, because the program chose the name or several loops are
    /// running.
    private func mustName(_ loop: EventLoop) -> Bool {
        loop.name != "EventLoop-\(loop.index)" || state.withLock { $0.watched.count > 1 }
    }

    private static func log(_ report: BlockedLoopReport, _ loop: EventLoop) {
        var metadata: Logger.Metadata = [:]
        if let created = report.created { metadata["created"] = "\(created.location)" }
        if !report.stack.isEmpty { metadata["stack"] = .array(report.stack.map { "\($0)" }) }
        EventLoop.logger(loop: loop, task: report.task).warning("\(report)", metadata: metadata)
    }

    // MARK: Inspection

    /// The position of a loop at one moment.
    struct Glance {
        let loop: EventLoop
        fileprivate let position: Pulse.Position
        fileprivate let at: Int64
    }

    /// Returns the running loops and their positions, the oldest loop first. Of the nested loops on a thread, only the
    /// innermost loop is included.
    func glances() -> [Glance] {
        let loops = state.withLock { state in state.watched.map { state.running[$0].loop } }
        return loops.sorted { $0.index < $1.index }.map(Self.glance)
    }

    /// Returns the current position of the loop, or nil if the loop is no longer running.
    func glance(at loop: EventLoop) -> Glance? {
        let isRunning = state.withLock { state in state.running.contains { $0.loop === loop } }
        return isRunning ? Self.glance(loop) : nil
    }

    private static func glance(_ loop: EventLoop) -> Glance {
        Glance(loop: loop, position: loop.pulse.position, at: SystemClock.now())
    }

    /// Returns a report on a loop that is stuck. Returns nil if the loop has moved since, or is waiting in its poller.
    func report(ifStillAt glance: Glance) -> BlockedLoopReport? {
        guard !glance.position.isPolling,
            var watched = state.withLock({ state in
                state.watched.map { state.running[$0] }.first { $0.loop === glance.loop }
            })
        else { return nil }
        if watched.position != glance.position { watched.begin(at: glance.position, glance.at) }
        return report(on: watched, at: SystemClock.now())
    }
}

extension EventLoop {
    /// The time that one step of the loop can take before the watchdog reports the loop as blocked. The value `nil`
    /// turns the watchdog off for this loop. A step is a callback, or the part of a task from one suspension to the
    /// next.
    ///
    /// The default is one second. The environment variable `ASYNCIO_WATCHDOG` sets another number of seconds. The
    /// number 0 turns the watchdog off. Values below one millisecond count as one millisecond.
    ///
    /// The report is logged at level `warning`, with the running task and the stack of the loop's thread, unless a
    /// handler is set with ``setBlockedHandler(_:)``. The watchdog does not watch loops in virtual time.
    public var blockedThreshold: Duration? {
        get { Blockage.with(self) { $0.threshold } }
        set {
            assertUsable("blockedThreshold")
            let threshold = newValue.map { max($0, .milliseconds(1)) }
            Blockage.with(self) { $0.threshold = threshold }
            Watchdog.shared.setThreshold(threshold, of: self)
        }
    }

    /// Sets the handler that the watchdog calls while this loop is blocked.
    ///
    /// The handler runs on the watchdog's thread. Each loop has its own handler.
    ///
    /// - Parameter handler: The handler; `nil` for the default, which logs the report.
    public func setBlockedHandler(_ handler: (@Sendable (BlockedLoopReport) -> Void)?) {
        Blockage.with(self) { $0.handler = handler }
    }
}
