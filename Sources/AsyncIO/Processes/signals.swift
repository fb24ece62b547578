internal import DequeModule

/// The signals of these kinds as they arrive, from now on.
///
/// ```swift
/// for try await signal in try signals(.terminate, .interrupt, .hangUp) {
///     guard signal == .hangUp else { break }
///     readConfiguration()
/// }
/// ```
///
/// As long as the sequence lives, its signals do not do what they do by default: Ctrl-C, for
/// one, does not cancel the main task. Handlers of the same signals, and other sequences,
/// learn of them too. A signal that arrives while one of its kind waits to be read counts
/// once, as it does in the kernel.
///
/// - Throws: ``ValueError`` if there is no such signal; ``RuntimeError`` if it cannot be caught,
///   if this is not the process's first thread, or if no loop runs here.
///
/// asyncio: `loop.add_signal_handler`, as a sequence.
public func signals(_ kinds: Signal...) throws -> SignalSequence {
    try SignalSequence(kinds, on: EventLoop.running)
}

/// Signals as they arrive; see ``signals(_:)``.
///
/// Several tasks may iterate: each signal goes to one of them.
public final class SignalSequence: AsyncSequence {
    public typealias Element = Signal
    public typealias Failure = any Error

    // Loop thread only: the class is not Sendable.
    private let loop: EventLoop
    private let kinds: [Signal]
    private let line = Line()

    /// What has come, and who waits for it. The loop holds this, not the sequence, which ends
    /// with its owner.
    private final class Line: SignalListener {
        var arrived = Deque<Signal>()
        var readers = WaitQueue()

        func receive(_ signal: Signal) {
            guard !arrived.contains(signal) else { return }
            arrived.append(signal)
            readers.wake(1)
        }
    }

    init(_ kinds: [Signal], on loop: EventLoop) throws {
        var seen: Set<Signal> = []
        self.kinds = kinds.filter { seen.insert($0).inserted }
        self.loop = loop
        try loop.addListener(line, for: self.kinds)
    }

    deinit {
        // Only code that lost its loop can be elsewhere, and its signals are gone too.
        if EventLoop.here === loop { loop.removeListener(line, for: kinds) }
    }

    /// The next signal.
    ///
    /// - Throws: `CancellationError`: then no signal is lost.
    func next() async throws -> Signal {
        while true {
            if let signal = line.arrived.popFirst() { return signal }
            let place = Waiter(for: "signals")
            line.readers.append(place)
            defer { line.readers.remove(place) }
            do {
                try await place.wait()
            } catch {
                // It was this one's turn: pass it on.
                if place.state == .finished { line.readers.wake(1) }
                throw error
            }
        }
    }

    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let sequence: SignalSequence

        /// The next signal; there is always another one to wait for.
        public mutating func next() async throws -> Signal? { try await sequence.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Signal? {
            try await next()
        }
    }
}
