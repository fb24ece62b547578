internal import AsyncIOSystem
internal import SystemPackage

// # A child's life
//
// A child is started by the loop's thread, which waits until it has become its program: a
// mistake (no such file, no such directory) is an error of the call, and leaves nothing.
//
// From then on the loop watches its pidfd, which is readable when the child has ended. The
// loop takes its status in that turn, so that no child stays a zombie while its loop runs,
// whoever waits for it or has forgotten it. Its end depends on nothing else: not on SIGCHLD,
// not on a thread, not on its pipes, which a grandchild may hold open for ever.
//
// States: running → ended. A child that still runs when its loop is closed is killed and
// reaped, as asyncio does; whoever holds it finds it ended.

/// A running program that this one started. Loop thread only.
final class ChildProcess {
    let pid: Int32
    /// For messages: the program.
    let name: String
    /// Whether it leads a process group of its own.
    let hasGroup: Bool
    /// The exit status, or minus the signal that ended it; nil while it runs.
    private(set) var returnCode: Int32?
    /// Called when it has ended, before those who wait go on.
    var onExit: (() -> Void)?
    /// Who is left of its group when it ends gets SIGKILL.
    var killsGroupAtExit = false

    private let loop: EventLoop
    private let process: SystemProcess
    private var waiters = WaitQueue()

    /// - Throws: ``OSError``, which names the program: nothing is left of it.
    init(_ request: SpawnRequest, name: String, on loop: EventLoop) throws {
        self.loop = loop
        self.name = name
        hasGroup = request.hasNewSession || request.processGroup == 0
        do {
            process = try request.spawn()
        } catch {
            throw OSError(error.code, error.operation(request, name))
        }
        pid = process.pid
        do {
            try loop.addReader(process.pidfd) { [self] in reap() }
        } catch {
            kill()
            throw error
        }
        loop.children[pid] = self
    }

    /// The loop is closed, and takes note of no end any more.
    func loopIsClosed() {
        guard returnCode == nil else { return }
        EventLoop.warn("process \(pid) (\(name)) was killed: it still ran when its event loop was closed")
        kill()
    }

    private func kill() {
        try? process.send(Signal.kill.rawValue)
        returnCode = if case .status(let status) = process.reap(waits: true) { status } else { 255 }
    }

    // MARK: Its end

    private func reap() {
        guard returnCode == nil else { return }
        let descriptor = process.pidfd
        loop.children[pid] = nil
        if killsGroupAtExit { try? process.sendToGroup(Signal.kill.rawValue) }
        // The loop lets go of this object with the reader.
        let isHeld = self
        _ = try? loop.removeReader(descriptor)
        switch process.reap() {
        case nil:
            // The poller was wrong: ask again.
            loop.children[pid] = self
            loop.addReaderLater(descriptor, in: .milliseconds(10), while: { self.returnCode == nil }) { [self] in
                reap()
            }
            return
        case .status(let status): returnCode = status
        case .unknown:
            EventLoop.warn("the status of process \(pid) (\(name)) was taken by somebody else; 255 is returned")
            returnCode = 255
        }
        onExit.take()?()
        isHeld.waiters.wake()
    }

    /// Waits until it has ended; depends on nothing else.
    ///
    /// - Throws: `CancellationError`: the child goes on.
    nonisolated(nonsending) func wait() async throws -> Int32 {
        while true {
            if let returnCode { return returnCode }
            let place = Waiter(for: "Subprocess.wait()")
            waiters.append(place)
            defer { waiters.remove(place) }
            try await place.wait()
        }
    }

    /// Waits until it has ended, but no longer than `limit`; then false.
    nonisolated(nonsending) func wait(atMost limit: Duration) async throws -> Bool {
        if returnCode != nil { return true }
        let place = Waiter(for: "the end of a process")
        waiters.append(place)
        let timer = loop.schedule(.complete(place), at: loop.time.advanced(by: limit))
        defer {
            timer.cancel()
            waiters.remove(place)
        }
        try await place.wait()
        return returnCode != nil
    }

    // MARK: Signals

    func send(_ signal: Signal, toGroup: Bool = false) throws {
        guard signal.isValid || signal.rawValue == 0 else {
            throw ValueError("there is no signal \(signal.rawValue)")
        }
        guard returnCode == nil else { throw ProcessLookupError(pid: pid) }
        do {
            guard toGroup else { return try process.send(signal.rawValue) }
            guard hasGroup else {
                throw RuntimeError(
                    "process \(pid) (\(name)) leads no group of its own; start it with a new process group or session")
            }
            try process.sendToGroup(signal.rawValue)
        } catch let error as Errno {
            // It has ended, and the loop does not know yet.
            if error == .noSuchProcess { return }
            throw OSError(error, "sending \(signal) to process \(pid) (\(name))")
        }
    }
}

extension SpawnRequest.Failure {
    fileprivate func operation(_ request: SpawnRequest, _ name: String) -> String {
        switch step {
        case .cloning: "starting '\(name)'"
        case .placingDescriptors: "handing descriptors to '\(name)'"
        case .enteringDirectory:
            "entering '\(String(decoding: request.directory ?? [], as: UTF8.self))' to start '\(name)'"
        case .joiningGroup: "giving '\(name)' its process group, session or terminal"
        case .executing: "executing '\(name)'"
        }
    }
}

/// There is no such process: it has ended, and its end is known.
///
/// asyncio: `ProcessLookupError`.
public struct ProcessLookupError: Error, CustomStringConvertible {
    public let pid: Int32
    public var description: String { "process \(pid) has ended" }
}
