internal import AsyncIOSystem
internal import SystemPackage

// # Which thread
//
// The pool is everybody's, and has few threads. What can take for ever gets a thread of its
// own: the opening of a pipe or a device, and what is asked of one that is open. Whether a
// path leads to such a thing is not always known without a look at the disk; then a thread of
// the pool opens it in a way that never waits, and gives it back if it would have to.
//
// A task that is cancelled leaves such a thread, which is interrupted then: so there are no
// more of them than what is waited for.

/// Does requests on threads.
final class ThreadFileEngine: FileEngine {
    override func start(_ operation: FileOperation) throws {
        if loop.isExecutorShutDown { throw RuntimeError("Executor shutdown has been called") }
        if operation.mayBlock { startAside(operation) } else { startInPool(operation) }
    }

    override func cancel(_ operation: FileOperation) {
        if operation.request.revoke() {
            // No thread has begun, and none will.
            operation.end()
        } else if operation.mayBeLeft {
            operation.leave()
            guard let thread = operation.thread else { return }
            // The end of the program does not wait for it.
            loop.foreignWorkEnded()
            thread.interrupt()
        }
    }

    // MARK: In the pool

    private func startInPool(_ operation: FileOperation) {
        loop.outstandingForeignWork += 1
        let report = Report(loop: loop, operation: operation) { [self] in
            loop.foreignWorkEnded()
            if operation.request.mustBlock, !operation.isDone, !operation.isLeft {
                startAside(operation)
            } else {
                operation.end()
            }
        }
        Task.detached(executorPreference: threadPool) { report.performAndSend(mayBlock: false) }
    }

    // MARK: Aside

    private func startAside(_ operation: FileOperation) {
        loop.outstandingForeignWork += 1
        let report = Report(loop: loop, operation: operation) { [self] in
            if !operation.isLeft { loop.foreignWorkEnded() }
            operation.thread = nil
            operation.end()
        }
        do {
            operation.thread = try InterruptibleThread.start(named: "asyncio_file") {
                report.performAndSend(mayBlock: true)
            }
        } catch {
            // The system has no thread to give.
            loop.foreignWorkEnded()
            operation.request.result = -Int(error.rawValue)
            operation.end()
        }
    }

    /// Carries an operation to a thread and back.
    //
    // SAFETY: the thread touches the request alone, which is made for that; the loop takes
    // the operation up again when the report has arrived. A loop that is closed takes none.
    private struct Report: @unchecked Sendable {
        let loop: EventLoop
        let operation: FileOperation
        /// Runs on the loop.
        let whenPerformed: () -> Void

        func performAndSend(mayBlock: Bool) {
            operation.request.perform(mayBlock: mayBlock)
            loop.send(.callback { [self] in whenPerformed() })
        }
    }
}
