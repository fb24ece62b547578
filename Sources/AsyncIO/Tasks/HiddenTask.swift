// # Where cancellation requests go
//
// The body of a generator runs in the turns of its consumer. In asyncio, the body runs in the consuming task itself,
// and a timeout or task group that the body enters is bound to that task. If the body yields inside such a scope, the
// scope can cancel the task while the task is doing something else, or even after the task has left the generator (PEP
// 789).
//
// In this library, the body has its own hidden task. The body's scopes and waits belong to this task:
//
// - While the body has control, the consumer waits for the hidden task. A request to cancel the consumer is passed to
//   the body's current wait.
// - While the consumer has control, the hidden task waits for nothing. If a scope requests a cancellation, the hidden
//   task stores the request, and `yield` throws it when the body has control again.
// - `currentTask()` returns the consumer. Its number of requests and the message of its latest
//   cancellation are passed along with control, in both directions.

/// A task that runs the body of a generator in the turns of another task. A hidden task does not appear in any list of
/// tasks.
final class HiddenTask: AnyAsyncTask {
    /// The task that has passed control to the body, if any.
    private var consumer: AnyAsyncTask?
    /// Whether the pending cancellation request was made to the consumer; see `mustCancel`.
    private var isRequestToConsumer = false

    init() { super.init(behind: "generator") }

    override var hiddenTask: AnyAsyncTask? { self }

    // Generators can consume generators, to any depth, so these members iterate instead of
    // recursing.

    override var visible: AnyAsyncTask? {
        var task: AnyAsyncTask? = consumer
        while let generator = task as? HiddenTask { task = generator.consumer }
        return task
    }

    override var waitDescription: String {
        var innermost: AnyAsyncTask = self
        var depth = 0
        while let inner = innermost.hidden {
            innermost = inner
            depth += 1
        }
        return (depth == 0 ? "a generator" : "a generator, through \(depth) more generators")
            + ", which waits for \(innermost.waitingOn?.waitDescription ?? "code outside of asyncio")"
    }

    /// Receives a request to cancel the consumer, which waits for this task.
    override func receiveRequest(_ message: String?) -> Bool? {
        isRequestToConsumer = true
        return super.receiveRequest(message)
    }

    // MARK: Turns

    /// Called when `task` passes control to the body.
    func beginTurn(for task: AnyAsyncTask) {
        consumer = task
        task.waitingOn = self
        requests += task.requests
        deliveredMessage = task.deliveredMessage
    }

    /// Called when the body resumes. Throws an error if one of the body's scopes requested a cancellation while the
    /// consumer had control.
    func resumeBody() throws {
        guard mustCancel else { return takeOverRequest() }
        let message = requestedMessage
        mustCancel = false
        takeOverRequest()
        deliveredMessage = message
        throw CancellationError()
    }

    /// Called when the body begins. A cancellation request that was made earlier has already been recorded.
    func beginBody() {
        enterCarrier()
        if !mustCancel { takeOverRequest() }
    }

    /// Moves the consumer's pending cancellation request, if any, to this task. The body receives the request at its
    /// next wait.
    private func takeOverRequest() {
        isRequestToConsumer = consumer?.mustCancel == true
        if let consumer, consumer.mustCancel { consumer.moveRequest(to: self) }
    }

    /// Called when the consumer regains control.
    func endTurn() {
        guard let consumer else { return }
        self.consumer = nil
        consumer.waitingOn = nil
        consumer.deliveredMessage = deliveredMessage
        requests = max(0, requests - consumer.requests)
        if mustCancel, isRequestToConsumer { moveRequest(to: consumer) }
    }
}

extension AnyAsyncTask {
    fileprivate final func moveRequest(to other: AnyAsyncTask) {
        mustCancel = false
        other.mustCancel = true
        other.requestedMessage = requestedMessage
    }
}
