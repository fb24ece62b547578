internal import AsyncIOSystem
internal import SystemPackage

// # The life of a child process
//
// The loop's thread starts a child and waits until the child executes its program. The call therefore throws an error
// for a mistake, such as a missing file or directory, and no process or descriptor is left.
//
// From then on the loop watches the child's pidfd, which is readable when the child has ended. The loop reaps the child
// in that turn, so no child stays a zombie while its loop runs, whether or not a task waits for it. This does not
// depend on SIGCHLD, on a thread, or on the child's pipes, which a grandchild can hold open forever.
//
// States: running → ended. A child that is still running when its loop is closed is killed and reaped, as in asyncio.
// Its owners then see that it has ended.

/// The running processes that a loop has started, by process ID. This class is used only on the loop's thread.
final class Children: LoopComponent {
    var running: [Int32: ChildProcess] = [:]

    override class var rank: Rank { .children }

    override func loopWillClose() {
        for child in running.values { child.loopIsClosed() }
        running = [:]
    }
}

/// A running child process. This class is used only on the loop's thread.
final class ChildProcess {
    let pid: Int32
    /// The name of the program, for messages.
    let name: String
    /// Whether the child leads its own process group.
    let hasGroup: Bool
    /// The exit status, or the negated number of the signal that ended the process. The value is nil while the process
    /// is running.
    private(set) var returnCode: Int32?
    /// A closure that is called when the child has ended, before waiting tasks resume.
    var onExit: (() -> Void)?
    /// Whether SIGKILL is sent to the rest of the child's group when the child ends.
    var killsGroupAtExit = false

    private let loop: EventLoop
    private let process: SystemProcess
    private let waiters = WaitQueue()

    /// - Throws: ``OSError`` with the name of the program. When this initializer throws, no process is running.
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
        loop.component(Children.self).running[pid] = self
    }

    /// Called when the loop has been closed and no longer watches the child.
    func loopIsClosed() {
        guard returnCode == nil else { return }
        EventLoop.warn("process \(pid) (\(name)) was killed: it was still running when its event loop was closed")
        kill()
    }

    private func kill() {
        try? process.send(ProcessSignal.kill.rawValue)
        returnCode = if case .status(let status) = process.reap(waits: true) { status } else { 255 }
    }

    // MARK: The end

    private func reap() {
        guard returnCode == nil else { return }
        let descriptor = process.pidfd
        loop.component(Children.self).running[pid] = nil
        if killsGroupAtExit { try? process.sendToGroup(ProcessSignal.kill.rawValue) }
        // Removing the reader releases the loop's reference to this object.
        let isHeld = self
        _ = try? loop.removeReader(descriptor)
        switch process.reap() {
        case nil:
            // The child has not ended, although the poller reported that. Check again later.
            loop.component(Children.self).running[pid] = self
            loop.addReaderLater(descriptor, in: .milliseconds(10), while: { self.returnCode == nil }) { [self] in
                reap()
            }
            return
        case .status(let status): returnCode = status
        case .unknown:
            EventLoop.warn("process \(pid) (\(name)) was reaped by other code; its return code is reported as 255")
            returnCode = 255
        }
        onExit.take()?()
        isHeld.waiters.wake()
    }

    /// Waits until the child has ended, even if its pipes are still open.
    ///
    /// - Throws: `CancellationError` if the task is cancelled. After a cancellation, the child keeps running.
    func wait() async throws -> Int32 {
        while true {
            if let returnCode { return returnCode }
            try await waiters.park(for: "AsyncSubprocess.wait()")
        }
    }

    /// Waits at most `limit` for the child to end. Returns false if the child has not ended within this time.
    func wait(atMost limit: Duration) async throws -> Bool {
        if returnCode != nil { return true }
        try await waiters.park(for: "the end of a process", until: loop.time.advanced(by: limit), of: loop)
        return returnCode != nil
    }

    // MARK: Signals

    func send(_ signal: ProcessSignal, toGroup: Bool = false) throws {
        guard signal.isValid || signal.rawValue == 0 else {
            throw ValueError("signal must be 0, 1...31 or 34...64, got \(signal.rawValue)")
        }
        guard returnCode == nil else { throw ProcessLookupError(pid: pid) }
        do {
            guard toGroup else { return try process.send(signal.rawValue) }
            guard hasGroup else {
                throw RuntimeError(
                    "process \(pid) (\(name)) leads no process group; start it with a new group or session")
            }
            try process.sendToGroup(signal.rawValue)
        } catch let error as Errno {
            // The child has ended, but the loop does not know yet.
            if error == .noSuchProcess { return }
            throw OSError(error, "sending \(signal) to process \(pid) (\(name))")
        }
    }
}

extension SpawnRequest.Failure {
    fileprivate func operation(_ request: SpawnRequest, _ name: String) -> String {
        switch step {
        case .cloning: "starting '\(name)'"
        case .placingDescriptors: "passing descriptors to '\(name)'"
        case .enteringDirectory:
            "entering '\(String(decoding: request.directory ?? [], as: UTF8.self))' to start '\(name)'"
        case .joiningGroup: "setting the process group, session or terminal of '\(name)'"
        case .executing: "executing '\(name)'"
        }
    }
}

/// An error thrown when a signal is sent to a process that is known to have ended.
///
/// asyncio: `ProcessLookupError`.
public struct ProcessLookupError: Error, CustomStringConvertible {
    /// The ID of the process.
    public let pid: Int32
    /// The message of the error.
    public var description: String { "process \(pid) has ended" }
}
