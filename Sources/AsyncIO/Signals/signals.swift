internal import DequeModule

/// Returns a sequence of the signals of the given kinds that arrive from now on.
///
/// ```swift
/// for try await signal in try signals(.terminate, .interrupt, .hangUp) {
///     guard signal == .hangUp else { break }
///     readConfiguration()
/// }
/// ```
///
/// While the sequence exists, the default actions of its signals are disabled. For example, Ctrl-C does not cancel the
/// main task. Handlers and other sequences for the same signals also receive the signals. If several signals of the
/// same kind arrive before the first one is read, the sequence returns only one signal, as the kernel does for pending
/// signals.
///
/// To wait for a single signal, call ``SignalSequence/next()``.
///
/// - Throws: ``ValueError`` if a signal does not exist; ``RuntimeError`` if a signal cannot be caught, no loop is
///   running on this thread, or this thread is neither the process's first thread nor an ``EventLoopThread``;
///   ``OSError`` if the system refuses the handler.
///
/// asyncio: `loop.add_signal_handler`, as a sequence.
public func signals(_ kinds: ProcessSignal...) throws -> SignalSequence {
    try SignalSequence(kinds, on: EventLoop.running)
}

/// An asynchronous sequence of arriving signals; see ``signals(_:)``.
///
/// Several tasks can iterate over the sequence. Each signal is delivered to only one task.
public final class SignalSequence: AsyncSequence {
    /// The kind of signal that arrived.
    public typealias Element = ProcessSignal
    /// The type of the errors that iterating throws. Iterating throws an error only if the task is cancelled.
    public typealias Failure = any Error

    // Loop thread only: the class is not Sendable.
    private let loop: EventLoop
    private let kinds: [ProcessSignal]
    private let line = Line()

    /// The signals that have arrived, and the tasks that are waiting for signals. The loop retains this object but not
    /// the sequence, so the sequence does not stay in memory after its owner has released it.
    private final class Line: SignalListener {
        var arrived = Deque<ProcessSignal>()
        let readers = WaitQueue()

        func receive(_ signal: ProcessSignal) {
            guard !arrived.contains(signal) else { return }
            arrived.append(signal)
            readers.wake(1)
        }
    }

    init(_ kinds: [ProcessSignal], on loop: EventLoop) throws {
        var seen: Set<ProcessSignal> = []
        self.kinds = kinds.filter { seen.insert($0).inserted }
        self.loop = loop
        try loop.addListener(line, for: self.kinds)
    }

    deinit {
        // If this runs on another thread, the loop has ended, and its listeners no longer exist.
        if EventLoop.here === loop { loop.removeListener(line, for: kinds) }
    }

    /// Waits for the next signal.
    ///
    /// ```swift
    /// let signal = try await signals(.terminate, .interrupt).next()
    /// ```
    ///
    /// - Throws: `CancellationError` if the task is cancelled. In that case, no signal is lost.
    ///
    /// asyncio: none; the closest equivalent is a future that `loop.add_signal_handler` completes.
    @discardableResult
    public func next() async throws -> ProcessSignal {
        while true {
            if let signal = line.arrived.popFirst() { return signal }
            try await line.readers.park(
                for: "signals", ifCancelled: { wasWoken in if wasWoken { line.readers.wake(1) } })
        }
    }

    /// Returns an iterator over the signals.
    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

    /// An iterator over signals. The iteration never ends.
    public struct Iterator: AsyncIteratorProtocol {
        let sequence: SignalSequence

        /// Waits for the next signal.
        ///
        /// - Returns: The signal, which is never `nil`.
        /// - Throws: `CancellationError` if the task is cancelled. In that case, no signal is lost.
        public mutating func next() async throws -> ProcessSignal? { try await sequence.next() }

        /// Waits for the next signal; see ``next()``.
        ///
        /// - Throws: `CancellationError` if the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> ProcessSignal? {
            try await next()
        }
    }
}
