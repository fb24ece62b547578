internal import AsyncIOSystem

/// Does requests on the thread pool.
final class ThreadFileEngine: FileEngine {
    override func start(_ operation: FileOperation) throws {
        if loop.isExecutorShutDown { throw RuntimeError("Executor shutdown has been called") }
        loop.outstandingForeignWork += 1
        let report = Report(loop: loop, operation: operation)
        Task.detached(executorPreference: threadPool) { report.performAndSend() }
    }

    override func cancel(_ operation: FileOperation) {
        if operation.request.revoke() {
            // No thread has begun, and none will.
            operation.end()
        } else if operation.mayBeLeft {
            operation.leave()
        }
    }

    /// Carries an operation to a thread and back.
    //
    // SAFETY: the thread touches the request alone, which is made for that; the loop takes
    // the operation up again when the report has arrived. A loop that is closed takes none.
    private struct Report: @unchecked Sendable {
        let loop: EventLoop
        let operation: FileOperation

        func performAndSend() {
            operation.request.perform()
            loop.inbox.post(
                .callback { [self] in
                    loop.foreignWorkEnded()
                    operation.end()
                })
        }
    }
}
