internal import AsyncIOSystem
internal import SystemPackage

// # How a task waits for a file
//
// A request is handed to an engine, which does it on the loop's ring or on a thread, and
// reports its end on the loop's thread. The memory belongs to the request, and whoever does
// the work holds the request: so it is never freed under the kernel's hands.
//
// ## Cancellation
//
// A task that is cancelled does not leave at once: the engine tries to take the request
// back, and the task waits until it has ended in one way or the other. Bytes that were
// written are written, and nothing happens to a file behind the back of whoever cleans up.
// The wait throws then, and says in the outcome how the request ended: so a position can
// follow, and a descriptor that was opened all the same can be closed.
//
// On a thread, a system call that has begun cannot be taken back. On a regular file it ends
// soon. What may take for ever (a pipe that nobody writes to, or its opening) is *left*: the
// task goes, the thread keeps the request to its end, and `onEnd` clears up. See
// ThreadFileEngine for how that end is brought about.

/// What became of a request.
struct FileOutcome {
    /// What the system call returned.
    let result: Result<Int, Errno>
    /// The task was cancelled meanwhile: throw this when all is in order.
    let cancellation: (any Error)?
}

/// A request on its way. Loop thread only.
final class FileOperation {
    let request: FileRequest
    /// The ring's name for it; nil if a thread has it.
    var token: UInt64?
    /// The thread that does this alone, if one does.
    var thread: InterruptibleThread?
    /// Whether it may take for ever; see above.
    let mayBeLeft: Bool
    /// Whether nobody waits any more.
    private(set) var isLeft = false
    private(set) var isDone = false
    private var waiter: Waiter?
    /// Called once, when the request has really ended.
    private let onEnd: (FileOperation) -> Void

    init(_ request: FileRequest, mayBeLeft: Bool = false, onEnd: @escaping (FileOperation) -> Void = { _ in }) {
        self.request = request
        self.mayBeLeft = mayBeLeft
        self.onEnd = onEnd
    }

    /// Whether it is known that it may wait for another process.
    var mayBlock: Bool {
        guard mayBeLeft else { return false }
        guard case .open = request.action else { return true }
        return FileFacts.kindNow(request.path) == .special
    }

    /// What clears up is done.
    private var isRevocable: Bool {
        switch request.action {
        case .close, .abandonReplacement: false
        default: true
        }
    }

    // MARK: The engine's side

    func end() {
        guard !isDone else { return }
        isDone = true
        waiter?.complete()
        onEnd(self)
    }

    // MARK: The task's side

    /// Has `engine` do the request, and waits for its end.
    ///
    /// - Throws: ``RuntimeError`` if the loop takes no more work.
    nonisolated(nonsending) func run(on engine: FileEngine) async throws -> FileOutcome {
        try engine.start(self)
        if isDone { return outcome(nil) }
        var cancellation: (any Error)?
        let task = runningTask()
        var message = task?.cancelMessage
        while !isDone, !isLeft {
            let waiter = Waiter(for: "a file")
            self.waiter = waiter
            do {
                try await waiter.wait(ignoresNativeCancellation: cancellation != nil)
            } catch {
                if cancellation == nil, !isDone, isRevocable { engine.cancel(self) }
                cancellation = error
                message = task?.cancelMessage
            }
        }
        waiter = nil
        if cancellation != nil { task?.deliveredMessage = message }
        return outcome(cancellation)
    }

    private func outcome(_ cancellation: (any Error)?) -> FileOutcome {
        // A request that was left is its thread's.
        guard !isLeft else { return FileOutcome(result: .failure(.canceled), cancellation: cancellation) }
        return FileOutcome(
            result: request.error.map { .failure($0) } ?? .success(request.result), cancellation: cancellation)
    }

    /// Lets the task go before the request has ended.
    func leave() { isLeft = true }
}
