// # Generators
//
// A generator's body runs, as in asyncio, in the turns of its consumer, and takes it for
// the current task. It has a carrier of its own (onCarrier.swift), and the two take turns:
//
//   consumer  `next()`: hands the turn to the body and suspends
//   body      runs up to `yield(value)`: hands value and turn back, and suspends
//
// Each hand-over goes through the loop's `runNext`, so that, as in asyncio, pulling a
// value costs no turn of the loop if the body does not wait for anything else.
//
// Other than in asyncio, time-outs and task groups of the body are bound to the body, not
// to the task that happened to consume it when they were entered: see GeneratorTask.swift.
//
// The body ends with its consumer: when the iterator goes (the loop was left, the task
// ended), a body that is suspended in `yield` goes on with a `CancellationError` there,
// so that its clean-up runs, as a task of its own.

/// A sequence whose elements a body makes, one when the consumer asks for one.
///
/// ```swift
/// let countdown = AsyncGenerator<Int> { yield in
///     for number in (1...3).reversed() {
///         try await yield(number)
///         try await sleep(.seconds(1))
///     }
/// }
/// for try await number in countdown { print(number) }
/// ```
///
/// Each iteration runs the body anew. The body is suspended in `yield` until the next
/// element is asked for; when the consumer leaves, `yield` throws `CancellationError` there.
///
/// asyncio: an asynchronous generator.
public struct AsyncGenerator<Element>: AsyncSequence {
    public typealias Failure = any Error

    /// Starts the body, where it was made, for one iteration.
    private let start: (GeneratorCore<Element>) -> Void

    public init(
        isolation: isolated (any Actor)? = #isolation, _ body: @escaping (Yield) async throws -> Void
    ) {
        start = { core in
            // SAFETY: the body runs on the loop's thread, like its consumer.
            nonisolated(unsafe) let core = core
            if isStackLow() {
                // Generators start each other, one inside the other.
                Task {
                    _ = isolation
                    await unsafe core.run(body)
                }
            } else {
                Task.immediate {
                    _ = isolation
                    await unsafe core.run(body)
                }
            }
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(core: GeneratorCore(start: start)) }

    /// Hands an element to the consumer.
    public struct Yield {
        fileprivate let core: GeneratorCore<Element>

        /// Hands `element` over and suspends until the next one is asked for.
        ///
        /// - Throws: `CancellationError` when the consumer has left.
        public nonisolated(nonsending) func callAsFunction(_ element: Element) async throws {
            try await core.yield(element)
        }
    }

    /// One run of the body.
    public final class Iterator: AsyncIteratorProtocol {
        private let core: GeneratorCore<Element>

        fileprivate init(core: GeneratorCore<Element>) { self.core = core }

        deinit { core.abandon() }

        /// The next element; nil when the body has ended.
        ///
        /// - Throws: what the body throws.
        public nonisolated(nonsending) func next() async throws -> Element? { try await core.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await core.next()
        }

        /// Ends the body now and waits for its clean-up.
        ///
        /// - Throws: what the clean-up throws, a `CancellationError` apart.
        ///
        /// asyncio: `generator.aclose`.
        public nonisolated(nonsending) func close() async throws { try await core.close() }
    }
}

/// What body and consumer share. Loop thread only.
private final class GeneratorCore<Element>: OpenGenerator {
    /// Whose turn it is: the consumer's before the body has begun, while it is suspended in
    /// `yield`, and when it has ended.
    private enum State { case fresh, running, suspended, ended }

    private let start: (GeneratorCore) -> Void
    private var state = State.fresh
    private let task = GeneratorTask()
    /// What the body hands over: an element, or nil at its end; or its error.
    private var handed: Result<Element?, any Error>?
    private let consumer = Seat()
    private let producer = Seat()
    private var isClosing = false
    /// Who waits for the end of a body that is closing already.
    private var closers = WaitQueue()

    init(start: @escaping (GeneratorCore) -> Void) { self.start = start }

    // MARK: The consumer's side

    nonisolated(nonsending) func next() async throws -> Element? {
        switch state {
        case .ended: return nil
        case .running: throw RuntimeError("next() called while the generator is already running")
        case .fresh, .suspended: break
        }
        guard let current = runningTask() else {
            return try await adopted(site: CreationSite(fileID: #fileID, line: #line)) { try await self.next() }
        }
        task.beginTurn(for: current)
        handed = nil
        let isFresh = state == .fresh
        state = .running
        if isFresh { start(self) } else { producer.handOver() }
        if handed == nil { await consumer.wait(while: { handed == nil }) }
        task.endTurn()
        return try handed.take()?.get()
    }

    nonisolated(nonsending) func close() async throws {
        switch state {
        case .fresh: state = .ended
        case .suspended:
            isClosing = true
            do { _ = try await next() } catch let error where CancellationErrors.contain(error) {}
        case .running where isClosing:
            let place = Waiter(for: "the clean-up of a generator")
            closers.append(place)
            defer { closers.remove(place) }
            try await place.wait()
        case .running: throw RuntimeError("close() called while the generator is already running")
        case .ended: break
        }
    }

    /// The consumer is gone: the body, if it waits in `yield`, ends as a task of its own.
    func abandon() {
        guard state == .suspended, let loop = EventLoop.here else { return }
        // If this task is cancelled before it starts, at the end of `run`, the generator is
        // closed with those that are left.
        _ = try? loop.callSoon {
            createTask(name: "generator clean-up") { try await self.close() }
        }
    }

    // MARK: The body's side

    nonisolated(nonsending) func run(_ body: (AsyncGenerator<Element>.Yield) async throws -> Void) async {
        let loop = EventLoop.required(for: "A generator")
        let number = loop.generators.add(self)
        defer { loop.generators.remove(number) }
        task.enterCarrier()
        let end: Result<Element?, any Error>
        do {
            // A request that came before the body began is there already.
            if !task.mustCancel { task.takeOverRequest() }
            try await body(AsyncGenerator<Element>.Yield(core: self))
            end = .success(nil)
        } catch {
            end = .failure(error)
        }
        task.leaveCarrier(backTo: nil)
        hand(end, state: .ended)
        closers.wake()
    }

    nonisolated(nonsending) func yield(_ element: Element) async throws {
        guard !isClosing else { return await goOnThoughClosed() }
        hand(.success(element), state: .suspended)
        await producer.wait(while: { state == .suspended })
        try task.resumeBody()
        if isClosing { throw CancellationError() }
    }

    /// The body swallowed the end that `yield` told it: it never gets another turn.
    private nonisolated(nonsending) func goOnThoughClosed() async {
        hand(
            .failure(RuntimeError("the generator was closed, but its body yields again: let yield's error out")),
            state: .ended)
        closers.wake()
        await producer.wait(while: { true })
    }

    private func hand(_ result: Result<Element?, any Error>, state: State) {
        self.state = state
        handed = result
        consumer.handOver()
    }
}
