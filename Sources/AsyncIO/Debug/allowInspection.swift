internal import AsyncIOSystem
internal import Synchronization

/// Lets the tool `asyncio` look into this process: `asyncio ps`, `pstree`, `top` and `dump`,
/// given its process number.
///
/// A thread of its own listens on a Unix socket in a directory that only this user may enter
/// (`$XDG_RUNTIME_DIR/asyncio`, or `/tmp/asyncio-UID`), and answers root and the same user
/// only. It answers from the loop, or for it if it is blocked. While nobody asks it costs
/// nothing. The environment variable `ASYNCIO_INSPECT=1` does the same, before the first
/// loop runs. Calling it again does nothing.
///
/// - Throws: ``OSError`` if the socket cannot be made.
public func allowInspection() throws(OSError) { try InspectionServer.shared.start() }

/// Answers tools, on a thread of its own.
final class InspectionServer: Sendable {
    static let shared = InspectionServer()

    private let isStarted = Guarded(false)

    /// How long the loop may take before it counts as blocked, in nanoseconds.
    private static let patience: Int64 = 300_000_000

    func start() throws(OSError) {
        let mustStart = isStarted.withLock { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        guard mustStart else { return }
        do {
            let (channel, path) = try InspectionChannel.listen()
            atEndOfProcess { InspectionChannel.remove(path) }
            try Thread.start(named: "asyncio-inspect") { [self] in serve(channel) }
        } catch {
            isStarted.withLock { $0 = false }
            throw OSError(error, "cannot listen for tools that look into this program")
        }
    }

    private func serve(_ channel: InspectionChannel) {
        while true {
            do {
                let client = try channel.accept()
                guard let request = client.readLine(timeout: 1_000) else { continue }
                _ = client.write(answer(to: request).text + "\n")
            } catch {
                // No descriptor to give, most likely; there may be one later.
                _ = ThreadGate().wait(timeout: Self.patience)
            }
        }
    }

    /// `tasks`, or `stacks` for the functions that each is in too.
    private func answer(to request: String) -> JSON {
        guard request == "tasks" || request == "stacks" else {
            return .object([("error", .string("unknown request: \(request)"))])
        }
        guard let loop = Watchdog.shared.runningLoop else { return .object([("error", "no event loop runs")]) }
        let answer = Answer()
        let withStacks = request == "stacks"
        // SAFETY: what is posted runs on the loop's thread; the text is handed over whole.
        let posted = loop.inbox.post(
            .callback {
                guard !answer.isTooLate, let loop = EventLoop.here else { return }
                loop.noteInspection()
                answer.give(LoopSnapshot(of: loop, withStacks: withStacks))
            })
        guard posted else { return .object([("error", "the event loop is closed")]) }
        if let snapshot = answer.wait(Self.patience) { return snapshot.json }
        if let report = Watchdog.shared.presentReport() { return report.json }
        // It turned meanwhile, or takes its time.
        if let snapshot = answer.wait(20 * Self.patience) { return snapshot.json }
        answer.giveUp()
        return .object([("error", "the event loop does not answer")])
    }

    /// What the loop's thread hands to this one.
    private final class Answer: Sendable {
        private let snapshot = Guarded<LoopSnapshot?>(nil)
        private let gate = ThreadGate()
        private let late = Atomic(false)

        var isTooLate: Bool { late.load(ordering: .relaxed) }
        func giveUp() { late.store(true, ordering: .relaxed) }

        func give(_ snapshot: LoopSnapshot) {
            self.snapshot.withLock { $0 = snapshot }
            gate.open()
        }

        func wait(_ timeout: Int64) -> LoopSnapshot? {
            guard gate.wait(timeout: timeout) else { return nil }
            return snapshot.withLock { $0 }
        }
    }
}

extension EventLoop {
    /// A tool has asked: have steps timed for some seconds, so that the next answer tells
    /// run times.
    fileprivate func noteInspection() {
        timeSteps(true, for: .inspection)
        inspectionTimer?.cancel()
        inspectionTimer = schedule(
            .callback { [unowned self] in timeSteps(false, for: .inspection) }, at: time.advanced(by: .seconds(10)))
    }
}
