internal import AsyncIOSystem
internal import SystemPackage

// # Choosing a thread
//
// The thread pool is shared and has few threads. A request that may never end gets a thread of its
// own: opening a pipe or a device, and every operation on one. Finding out whether a path leads to
// one can require access to the disk. In that case, a thread of the pool opens the path in a way
// that never blocks, and returns the request if it would have to block.
//
// A task that is cancelled leaves such a thread, which is then interrupted. So there are never more
// of these threads than requests that are being waited for.

/// An engine that performs requests on threads.
final class ThreadFileEngine: FileEngine {
    override func start(_ operation: FileOperation) throws {
        if work.isShutDown { throw RuntimeError("Executor shutdown has been called") }
        if operation.mayBlock { startAside(operation) } else { startInPool(operation) }
    }

    override func cancel(_ operation: FileOperation) {
        if operation.request.revoke() {
            // No thread has started the request, and none will.
            operation.end()
        } else if operation.mayBeLeft {
            operation.leave()
            guard let thread = operation.thread else { return }
            // The end of the program does not wait for this thread.
            work.noteEnd()
            thread.interrupt()
        }
    }

    // MARK: In the pool

    private func startInPool(_ operation: FileOperation) {
        work.noteStart()
        let report = Report(loop: loop, operation: operation) { [self] in
            work.noteEnd()
            if operation.request.mustBlock, !operation.isDone, !operation.isLeft {
                startAside(operation)
            } else {
                operation.end()
            }
        }
        Task.detached(executorPreference: ThreadPool.shared) { report.performAndSend(mayBlock: false) }
    }

    // MARK: On a thread of its own

    private func startAside(_ operation: FileOperation) {
        work.noteStart()
        let report = Report(loop: loop, operation: operation) { [self] in
            if !operation.isLeft { work.noteEnd() }
            operation.thread = nil
            operation.end()
        }
        do {
            operation.thread = try InterruptibleThread.start(named: "asyncio_file") {
                report.performAndSend(mayBlock: true)
            }
        } catch {
            // The system cannot start another thread.
            work.noteEnd()
            operation.request.result = -Int(error.rawValue)
            operation.end()
        }
    }

    /// An object that carries an operation to a thread and back to the loop.
    //
    // SAFETY: the thread accesses only the request, which is designed for this. The loop uses the operation again once
    // the report has arrived. A closed loop receives no reports.
    private struct Report: @unchecked Sendable {
        let loop: EventLoop
        let operation: FileOperation
        /// A closure that runs on the loop after the thread has performed the operation.
        let whenPerformed: () -> Void

        func performAndSend(mayBlock: Bool) {
            operation.request.perform(mayBlock: mayBlock)
            loop.send(.callback { [self] in whenPerformed() })
        }
    }
}
