internal import AsyncIOSystem

/// Lets the command-line tool `asyncio` inspect this process, and prints the tree of tasks to
/// standard error when the process receives a signal.
///
/// The tool's commands `asyncio ps`, `pstree`, `top`, and `dump` take the process ID as their argument.
///
/// A thread listens on a Unix socket in a directory that only the current user can enter (`$XDG_RUNTIME_DIR/asyncio`,
/// or `/tmp/asyncio-UID`). The thread answers only requests from the same user and from root. It collects an answer
/// from each event loop of the process. If a loop is blocked and cannot answer, the thread reports the loop as blocked.
/// Several tools can connect at the same time. A connection that takes more than a few seconds is closed. Inspection
/// costs nothing until a tool connects.
///
/// Setting the environment variable `ASYNCIO_INSPECT=1` has the same effect as calling this function before the first
/// loop runs. In this case, the variable `ASYNCIO_DUMP_SIGNAL` sets the number of the signal (0 for no signal). Further
/// calls to this function have no effect.
///
/// - Parameter dumpSignal: The signal that prints the tree; `nil` for no signal. The default is `SIGUSR1`. If the
///   signal already has a handler, the handler is not replaced.
/// - Throws: ``OSError`` if the socket or a thread cannot be created.
///
/// asyncio: `python -m asyncio ps PID`, which needs no call in the program.
public func allowInspection(dumpSignal: ProcessSignal? = .user1) throws(OSError) {
    try InspectionServer.shared.start(dumpSignal: dumpSignal)
}

/// A server that answers inspection tools on separate threads.
package final class InspectionServer: Sendable {
    package static let shared = InspectionServer()

    private let isStarted = Guarded(false)
    /// The number of clients that are currently being answered.
    private let clients = Guarded(0)
    private static let mostClients = 16
    private static let refusal = JSON.object(
        JSON.process + [("error", .string("\(mostClients) other tools are inspecting this process; try again later"))])

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

    /// Serves the clients. Each client has its own thread, so that a slow client does not delay other clients. The
    /// number of clients and the time for each client are limited. The threads are detached, so they do not keep the
    /// program alive.
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
                _ = ThreadGate().wait(timeout: 300_000_000)
            }
        }
    }

    private func attend(to client: InspectionChannel) {
        guard let request = client.readLine(within: 1_000) else { return }
        _ = client.write(answer(to: request) + "\n", within: 5_000)
    }

    /// Returns the answer to a request, as JSON. Do not call this method on the thread of a loop.
    package func answer(to request: String) -> String { Self.answer(to: request).text }

    private static func answer(to text: String) -> JSON {
        if text == "loops" {
            return answer(Watchdog.shared.glances().map { .object(JSON.of($0.loop)) })
        }
        guard let request = InspectionRequest(text) else {
            return .object(JSON.process + [("error", .string("unknown request: \(text)"))])
        }
        return answer(request.ask().map(\.json))
    }

    private static func answer(_ loops: [JSON]) -> JSON {
        .object(JSON.process + [loops.isEmpty ? ("error", .string(noLoops)) : ("loops", .array(loops))])
    }

    /// The reason why no loops are shown.
    private static var noLoops: String {
        Watchdog.shared.glances().isEmpty ? "no event loop is running" : "the event loop has ended"
    }

    private func dump(at signals: DumpSignal) {
        while signals.wait() {
            let findings = InspectionRequest.everything.ask()
            let lines = TaskTree.lines(ofLoops: findings.map { ($0.loop.name, $0.result.lines) })
            let title = "\(printable(ThisProcess.name)) (\(ThisProcess.id)):"
            let text = ([title] + (lines.isEmpty ? [Self.noLoops] : lines)).map { $0 + "\n" }.joined()
            ThisProcess.complain(text)
        }
    }
}

extension Environment {
    /// The signal that prints the tasks, from the variable `ASYNCIO_DUMP_SIGNAL`; nil for no signal.
    static let dumpSignal: ProcessSignal? = {
        guard let text = value(of: "ASYNCIO_DUMP_SIGNAL") else { return .user1 }
        guard let number = Int32(text), number > 0 else { return nil }
        return ProcessSignal(rawValue: number)
    }()
}
