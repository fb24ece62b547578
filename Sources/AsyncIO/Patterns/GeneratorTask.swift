// # Whose cancellation it is
//
// A generator's body runs in the turns of whoever consumes it. In asyncio it runs in that
// task itself, and a time-out or task group that the body enters is bound to that task. If
// the body yields inside of it, the scope may cancel the task in the midst of the
// consumer's own business, or a task that has long left the generator (PEP 789).
//
// Here the body has a hidden task of its own, which its scopes bind to and which its waits
// belong to:
//
// - While the body has the turn, the consumer waits for the hidden task: a request to cancel
//   the consumer goes on to the body, and wherever it waits.
// - While the consumer has the turn, the hidden task waits for nothing, so that a scope's
//   request stays with it, and `yield` throws it when the body has the turn again.
// - `currentTask()` shows the consumer. Its count of requests and the message of its latest
//   cancellation are handed over with the turn, and back.

/// The task that a generator's body is. Nobody sees it: it is in no list.
final class GeneratorTask: AnyAsyncTask {
    /// Who has handed the turn to the body; nil if nobody has.
    private var consumer: AnyAsyncTask?
    /// Whether the request that `mustCancel` stands for was made to the consumer.
    private var isRequestToConsumer = false

    init() { super.init(behind: "generator") }

    // Generators may consume generators, and so on: all of this follows them by hand.

    override var visible: AnyAsyncTask? {
        var task: AnyAsyncTask? = consumer
        while let generator = task as? GeneratorTask { task = generator.consumer }
        return task
    }

    override var waitDescription: String {
        var innermost = self
        var depth = 0
        while let inner = innermost.generator {
            innermost = inner
            depth += 1
        }
        return (depth == 0 ? "a generator" : "a generator, through \(depth) more of them")
            + ", which waits for \(innermost.waitingOn?.waitDescription ?? "code outside of asyncio")"
    }

    /// The consumer, which waits for this, is asked to cancel.
    override func receiveRequest(_ message: String?) -> Bool? {
        isRequestToConsumer = true
        return super.receiveRequest(message)
    }

    // MARK: Turns

    /// `task` hands the turn to the body.
    func beginTurn(for task: AnyAsyncTask) {
        consumer = task
        task.waitingOn = self
        requests += task.requests
        deliveredMessage = task.deliveredMessage
    }

    /// The body goes on: what one of its scopes asked for meanwhile is due.
    func resumeBody() throws {
        guard mustCancel else { return takeOverRequest() }
        let message = requestedMessage
        mustCancel = false
        takeOverRequest()
        deliveredMessage = message
        throw CancellationError()
    }

    /// A request that the consumer has not seen meets the body, at its next wait.
    func takeOverRequest() {
        isRequestToConsumer = consumer?.mustCancel == true
        if let consumer, consumer.mustCancel { consumer.moveRequest(to: self) }
    }

    /// The consumer has the turn again.
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

    /// The body of the generator that the task consumes, if that has the turn.
    final var generator: GeneratorTask? { waitingOn as? GeneratorTask }
}

/// The generators of a loop whose bodies have begun and not ended.
struct GeneratorList {
    private var generators: [Int: any OpenGenerator] = [:]
    private var lastNumber = 0

    var isEmpty: Bool { generators.isEmpty }

    /// Oldest first.
    var all: [any OpenGenerator] { generators.sorted { $0.key < $1.key }.map(\.value) }

    mutating func add(_ generator: any OpenGenerator) -> Int {
        lastNumber += 1
        generators[lastNumber] = generator
        return lastNumber
    }

    mutating func remove(_ number: Int) { generators[number] = nil }
}
