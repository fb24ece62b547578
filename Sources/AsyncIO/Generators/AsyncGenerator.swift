// # Generators
//
// As in asyncio, the body of a generator runs in the turns of its consumer, and the consumer is the current task inside
// the body. The body has a carrier of its own (onCarrier.swift), and the two alternate:
//
//   consumer  `next()`: passes control to the body and suspends
//   body      runs up to `yield(value)`: passes the value and control back, and suspends
//
// Each handoff goes through the loop's `runNext`. As in asyncio, getting a value therefore costs no turn of the loop if
// the body does not wait for anything else.
//
// Unlike in asyncio, timeouts and task groups inside the body are bound to the body, not to the
// task that happened to consume it when they were entered; see Tasks/HiddenTask.swift.
//
// The body ends with its consumer. When the iterator is deallocated (because its loop was left, or
// its task ended), a body that is suspended in `yield` resumes with a `CancellationError` there, as
// a task of its own, so that its cleanup runs.

/// An asynchronous sequence whose elements are produced by a closure, one at a time, as the consumer requests them.
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
/// Each iteration starts a new run of the body. The body is suspended in `yield` until the next element is requested.
/// If the consumer stops iterating, `yield` throws `CancellationError`.
///
/// asyncio: an asynchronous generator.
public struct AsyncGenerator<Element>: AsyncSequence {
    /// The iteration can throw any error that the body throws.
    public typealias Failure = any Error

    /// Starts the body for one iteration, in the isolation of the code that created the generator.
    private let start: (GeneratorCore<Element>) -> Void

    /// Creates a generator.
    ///
    /// - Parameter body: The closure that produces the elements. The closure passes each element to `yield`. The
    ///   iteration ends when the closure returns. If the closure throws an error, the iteration throws the same error.
    public init(
        isolation: isolated (any Actor)? = #isolation, _ body: @escaping (Yield) async throws -> Void
    ) {
        // SAFETY: the body runs on the loop's thread, as its consumer does.
        nonisolated(unsafe) let body = body
        start = { core in
            nonisolated(unsafe) let core = core
            guard isolation == nil, let home = LoopHome.ofThisThread else {
                return unsafe core.start(isolation: isolation, body)
            }
            home.assume { unsafe core.start(isolation: $0, body) }
        }
    }

    /// Returns an iterator for a new run of the body.
    public func makeAsyncIterator() -> Iterator { Iterator(core: GeneratorCore(start: start)) }

    /// A function that passes an element to the consumer.
    public struct Yield {
        fileprivate let core: GeneratorCore<Element>

        /// Passes `element` to the consumer and suspends until the consumer requests the next element.
        ///
        /// - Throws: `CancellationError` if the consumer has stopped iterating, or if a timeout or task group in the
        ///   body requested a cancellation in the meantime.
        public func callAsFunction(_ element: Element) async throws {
            try await core.yield(element)
        }
    }

    /// An iterator that represents one run of the body.
    public final class Iterator: AsyncIteratorProtocol {
        private let core: GeneratorCore<Element>

        fileprivate init(core: GeneratorCore<Element>) { self.core = core }

        deinit { core.abandon() }

        /// Runs the body until it yields its next element.
        ///
        /// If the current task is cancelled, the cancellation is passed on to the operation that the body is waiting
        /// for.
        ///
        /// - Returns: The next element, or `nil` if the body has ended.
        /// - Throws: The error that the body throws, including `CancellationError`; ``RuntimeError`` if the body is
        ///   already running.
        ///
        /// asyncio: `generator.__anext__`.
        public func next() async throws -> Element? { try await core.next() }

        /// Runs the body until it yields its next element; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError`.
        public func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            try await core.next()
        }

        /// Ends the body and waits for its cleanup.
        ///
        /// If the current task is cancelled, the cancellation is passed on to the cleanup. If another task has already
        /// called this method, the cancellation ends only the wait of the current task, and the cleanup continues.
        ///
        /// - Throws: The error that the cleanup throws, except for `CancellationError`; ``RuntimeError`` if the body is
        ///   running; `CancellationError` if the task is cancelled while it waits for another call to this method.
        ///
        /// asyncio: `generator.aclose`.
        public func close() async throws { try await core.close() }
    }
}

/// The state that the body and its consumer share. Use this class only on the loop's thread.
private final class GeneratorCore<Element>: OpenGenerator {
    /// The state of the body. The body has control only in the state `running`. In all other states, the consumer has
    /// control.
    private enum State { case fresh, running, suspended, ended }

    private let start: (GeneratorCore) -> Void
    private var state = State.fresh
    private let task = HiddenTask()
    /// The latest result that the body passed to the consumer: an element, nil at the end, or an error.
    private var handed: Result<Element?, any Error>?
    private let consumer = Seat()
    private let producer = Seat()
    private var isClosing = false
    /// The tasks that are waiting for a closing body to end.
    private let closers = WaitQueue()

    init(start: @escaping (GeneratorCore) -> Void) { self.start = start }

    /// Starts the body in the given isolation.
    func start(
        isolation: isolated (any Actor)?, _ body: @escaping (AsyncGenerator<Element>.Yield) async throws -> Void
    ) {
        if isStackLow() {
            // Generators can start each other recursively.
            Task {
                _ = isolation
                await run(body)
            }
        } else {
            Task.immediate {
                _ = isolation
                await run(body)
            }
        }
    }

    // MARK: The consumer's side

    func next() async throws -> Element? {
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

    func close() async throws {
        switch state {
        case .fresh: state = .ended
        case .suspended:
            isClosing = true
            do { _ = try await next() } catch let error where CancellationErrors.contain(error) {}
        case .running where isClosing:
            try await closers.park(for: "the cleanup of a generator")
        case .running: throw RuntimeError("close() called while the generator is already running")
        case .ended: break
        }
    }

    /// Called when the iterator is deallocated. If the body is suspended in `yield`, a separate task closes the
    /// generator.
    func abandon() {
        guard state == .suspended, let loop = EventLoop.here else { return }
        // If this task is cancelled before it starts, at the end of `run`, the generator is closed
        // together with the remaining ones.
        _ = try? loop.callSoon {
            createTask(name: "generator clean-up") { try await self.close() }
        }
    }

    // MARK: The body's side

    func run(_ body: (AsyncGenerator<Element>.Yield) async throws -> Void) async {
        let loop = EventLoop.required(for: "A generator")
        let open = loop.component(OpenGenerators.self)
        let number = open.add(self)
        defer { open.remove(number) }
        task.beginBody()
        let end: Result<Element?, any Error>
        do {
            try await body(AsyncGenerator<Element>.Yield(core: self))
            end = .success(nil)
        } catch {
            end = .failure(error)
        }
        task.leaveCarrier(backTo: nil)
        hand(end, state: .ended)
        closers.wake()
    }

    func yield(_ element: Element) async throws {
        guard !isClosing else { return await goOnThoughClosed() }
        hand(.success(element), state: .suspended)
        await producer.wait(while: { state == .suspended })
        try task.resumeBody()
        if isClosing { throw CancellationError() }
    }

    /// Handles a body that ignored the error that `yield` threw. The body never runs again.
    private func goOnThoughClosed() async {
        hand(
            .failure(RuntimeError("the generator yielded after it was closed; rethrow the error of `yield`")),
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
