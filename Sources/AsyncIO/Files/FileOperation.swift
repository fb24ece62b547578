package import AsyncIOSystem
internal import SystemPackage

// # How a task waits for a file
//
// A request goes to an engine, which performs it on the loop's ring or on a thread and reports its
// end on the loop's thread. The request owns its memory, and the engine retains the request while
// it works. The memory is therefore never freed while the kernel uses it.
//
// ## Cancellation
//
// A cancelled task does not return at once. The engine tries to withdraw the request, and the task
// waits until the request has ended in one way or the other. Bytes that were written stay written,
// and nothing happens to a file while its owner cleans up. The outcome says both that the task was
// cancelled and how the request ended, so that the position can be updated, and a descriptor that
// was opened anyway can be closed.
//
// On a thread, a system call that has started cannot be withdrawn. On a regular file it ends soon.
// A request that may never end (opening or reading a pipe without a writer) is *left*: the task
// returns, the thread keeps the request until it ends, and `onEnd` cleans up. ThreadFileEngine
// describes how that end is brought about.

/// The outcome of a request.
struct FileOutcome {
    /// The result of the system call.
    let result: Result<Int, Errno>
    /// The cancellation error to throw after the cleanup, if the task was cancelled in the meantime.
    let cancellation: (any Error)?
}

/// A request in progress. This class is used only on the loop's thread.
package final class FileOperation {
    package let request: FileRequest
    /// The token of the operation on the ring, or nil if a thread performs the operation.
    var token: UInt64?
    /// The thread that performs only this request, or nil if no such thread exists.
    var thread: InterruptibleThread?
    /// Whether the request may never end; see the comment at the top of this file.
    let mayBeLeft: Bool
    /// Whether the task no longer waits for this operation.
    private(set) var isLeft = false
    package private(set) var isDone = false
    /// Whether the engine was asked to withdraw the request.
    private var isWithdrawn = false
    private var waiter: Waiter?
    /// A closure that is called once, when the request has actually ended.
    private let onEnd: (FileOperation) -> Void

    init(_ request: FileRequest, mayBeLeft: Bool = false, onEnd: @escaping (FileOperation) -> Void = { _ in }) {
        self.request = request
        self.mayBeLeft = mayBeLeft
        self.onEnd = onEnd
    }

    /// Whether the request can wait for another process. For a request that opens a file, this property is true only if
    /// the file is known to be a special file, such as a pipe.
    var mayBlock: Bool {
        guard mayBeLeft else { return false }
        guard case .open = request.action else { return true }
        return FileFacts.kindNow(request.path) == .special
    }

    /// Whether the request can be cancelled. Requests that clean up cannot be cancelled.
    private var isRevocable: Bool {
        switch request.action {
        case .close, .abandonReplacement: false
        default: true
        }
    }

    // MARK: The engine's side

    package func end() {
        guard !isDone else { return }
        isDone = true
        waiter?.complete()
        onEnd(self)
    }

    // MARK: The task's side

    /// Performs the request on `engine` and waits until it has ended.
    ///
    /// - Throws: ``RuntimeError`` if the loop no longer accepts work.
    func run(on engine: FileEngine) async throws -> FileOutcome {
        try engine.start(self)
        if isDone { return outcome(nil) }
        defer { waiter = nil }
        let cancellation = await shielded { ignoresNativeCancellation in
            while !isDone, !isLeft {
                let waiter = Waiter(for: "a file")
                self.waiter = waiter
                try await waiter.wait(ignoresNativeCancellation: ignoresNativeCancellation)
            }
        } onCancel: { _ in
            guard !isDone, isRevocable, !isWithdrawn else { return }
            isWithdrawn = true
            engine.cancel(self)
        }
        return outcome(cancellation?.delivered())
    }

    private func outcome(_ cancellation: (any Error)?) -> FileOutcome {
        // A request that was left belongs to its thread.
        guard !isLeft else { return FileOutcome(result: .failure(.canceled), cancellation: cancellation) }
        return FileOutcome(
            result: request.error.map { .failure($0) } ?? .success(request.result), cancellation: cancellation)
    }

    /// Releases the task before the request has ended.
    func leave() { isLeft = true }
}
