// This file passes the outcome of a future to the waiting task.

extension FutureBase {
    @usableFromInline
    final func hasEndedAlready() -> InvalidStateError {
        InvalidStateError("the future has already ended: \(stateDescription)")
    }

    /// Throws the error of a future that ended without a value, or an ``InvalidStateError`` if the future has not
    /// ended.
    @usableFromInline
    final func throwEnd() throws -> Never {
        switch state {
        case .cancelled: try throwCancellation()
        case .failed:
            let error = takeError() ?? RuntimeError("the error of a failed future is missing")
            if error is CancellationError { try throwCancellation() }
            throw error
        case .pending, .finished: throw InvalidStateError("Result is not set.")
        }
    }

    /// Throws the cancellation that the future ended with. The running task, if any, stores the cancellation message.
    final func throwCancellation() throws -> Never {
        let message = takeMessage()
        runningTask()?.deliveredMessage = message
        throw CancellationError()
    }
}
