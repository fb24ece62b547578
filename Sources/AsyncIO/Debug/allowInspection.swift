internal import AsyncIOSystem

/// Lets the command-line tool `asyncio` inspect this process, and prints the tree of tasks to
/// standard error when the process receives a signal.
///
/// The tool's commands `asyncio ps`, `pstree`, `top`, and `dump` take the ID of the process.
///
/// A thread listens on a Unix socket in a directory that only the current user can enter
/// (`$XDG_RUNTIME_DIR/asyncio`, or `/tmp/asyncio-UID`). It answers only the same user and root. It
/// collects the answer on the loop; if the loop is blocked, it reports that instead. It serves
/// several tools at a time, each within a few seconds. Inspection costs nothing until a tool
/// connects.
///
/// The environment variable `ASYNCIO_INSPECT=1` has the same effect, before the first loop runs.
/// `ASYNCIO_DUMP_SIGNAL` then sets the number of the signal (0 for none). Further calls do nothing.
///
/// - Parameter dumpSignal: the signal that prints the tree, `SIGUSR1` by default; `nil` for none. A
///   signal that already has a handler is left alone.
/// - Throws: ``OSError`` if the socket or a thread cannot be created.
///
/// asyncio: `python -m asyncio ps PID`, which needs no call in the program.
public func allowInspection(dumpSignal: ProcessSignal? = .user1) throws(OSError) {
    try InspectionServer.shared.start(dumpSignal: dumpSignal)
}

/// Answers inspection tools on threads of its own.
final class InspectionServer: Sendable {
    static let shared = InspectionServer()

    private let isStarted = Guarded(false)
    /// The number of clients that are being answered.
    private let clients = Guarded(0)
    private static let mostClients = 16
    private static let refusal = JSON.object(
        JSON.process + [("error", .string("\(mostClients) other tools are inspecting this process; try again later"))])

    /// How long the loop may take to answer before it counts as blocked, in nanoseconds.
    private static let patience: Int64 = 300_000_000
    /// The maximum wait in all, in multiples of `patience`.
    private static let longestPatience = 20

    func start(dumpSignal: ProcessSignal?) throws(OSError) {
        let mustStart = isStarted.withLock { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        guard mustStart else { return }
        do {
            let (channel, path) = try InspectionChannel.listen()
            atEndOfProcess { InspectionChannel.remove(path) }
            try Thread.start(named: "asyncio-inspect") { [self] in serve(channel) }
            guard let dumpSignal, let signals = try DumpSignal(dumpSignal.rawValue) else { return }
            try Thread.start(named: "asyncio-dump") { [self] in dump(at: signals) }
        } catch {
            isStarted.withLock { $0 = false }
            throw OSError(error, "opening the inspection socket")
        }
    }

    /// Each client has a thread of its own, so that a slow one does not delay the others. Their
    /// number and their time are limited. A detached thread does not keep the program alive.
    private func serve(_ channel: InspectionChannel) {
        while true {
            do {
                let client = try channel.accept()
                let isWelcome = clients.withLock { clients in
                    guard clients < Self.mostClients else { return false }
                    clients += 1
                    return true
                }
                guard isWelcome else {
                    _ = client.write(Self.refusal.text + "\n", within: 0)
                    continue
                }
                do {
                    try Thread.start(named: "asyncio-answer") { [self] in
                        attend(to: client)
                        clients.withLock { $0 -= 1 }
                    }
                } catch {
                    clients.withLock { $0 -= 1 }
                    throw error
                }
            } catch {
                // Most likely, no descriptor or thread was available. Try again later.
                _ = ThreadGate().wait(timeout: Self.patience)
            }
        }
    }

    private func attend(to client: InspectionChannel) {
        guard let request = client.readLine(within: 1_000) else { return }
        _ = client.write(answer(to: request).text + "\n", within: 5_000)
    }

    private func answer(to request: String) -> JSON {
        switch request {
        case "tasks": inspect(stacks: .none).json
        case "stacks": inspect(stacks: .all).json
        case _ where request.hasPrefix("stacks "):
            inspect(stacks: .of(Set(request.split(separator: " ").compactMap { UInt64($0) }))).json
        default: .object(JSON.process + [("error", .string("unknown request: \(request)"))])
        }
    }

    private func dump(at signals: DumpSignal) {
        while signals.wait() {
            let title = "\(printable(ThisProcess.name)) (\(ThisProcess.id)):\n"
            ThisProcess.complain(title + inspect(stacks: .all).tree + "\n")
        }
    }

    // MARK: Asking the loop

    private enum Finding {
        case snapshot(LoopSnapshot)
        case blocked(BlockedLoopReport)
        case nothing(String)

        var json: JSON {
            switch self {
            case .snapshot(let snapshot): snapshot.json
            case .blocked(let report): report.json
            case .nothing(let why): .object(JSON.process + [("error", .string(why))])
            }
        }

        var tree: String {
            switch self {
            case .snapshot(let snapshot): snapshot.tree
            case .blocked(let report): report.tree
            case .nothing(let why): why
            }
        }
    }

    private func inspect(stacks: LoopSnapshot.Stacks) -> Finding {
        guard var glance = Watchdog.shared.glances().first else { return .nothing("no event loop is running") }
        let answer = Answer()
        let posted = glance.loop.send(
            .callback {
                guard answer.isAwaited, let loop = EventLoop.here else { return }
                loop.component(Inspection.self).note()
                answer.give(LoopSnapshot(of: loop, stacks: stacks))
            })
        guard posted else { return .nothing("the event loop is closed") }
        for _ in 0..<Self.longestPatience {
            if let snapshot = answer.wait(Self.patience) { return .snapshot(snapshot) }
            if let report = Watchdog.shared.report(ifStillAt: glance) { return .blocked(report) }
            // The loop has turned meanwhile, or is slow.
            glance = Watchdog.shared.glance(at: glance.loop)
        }
        answer.giveUp()
        return .nothing("the event loop does not answer")
    }

    /// The result that the loop's thread passes to this one.
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
}

/// Times steps for ten seconds after a tool has asked, so that the tool's next request includes run times.
/// Loop thread only.
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

extension Environment {
    /// `ASYNCIO_DUMP_SIGNAL`: the signal that prints the tasks; nil for none.
    static let dumpSignal: ProcessSignal? = {
        guard let text = value(of: "ASYNCIO_DUMP_SIGNAL") else { return .user1 }
        guard let number = Int32(text), number > 0 else { return nil }
        return ProcessSignal(rawValue: number)
    }()
}
