extension AsyncSequence where Element: Sendable {
    /// Returns a `Sendable` sequence with the same elements. Use the result for code that requires a `Sendable`
    /// sequence but runs its tasks on this loop. For example, the tasks of the operators in async-algorithms run on the
    /// loop of the process.
    ///
    /// ```swift
    /// for try await event in merge(news.subscribe().asSendable(), orders.asSendable()) { handle(event) }
    /// ```
    ///
    /// Iterating on another loop or thread throws an error, without accessing the sequence. To pass elements to another
    /// loop or thread, use a ``Mailbox``.
    public func asSendable() -> LoopSequence<Self> { LoopSequence(self) }
}

/// A `Sendable` sequence that belongs to a loop. You create it with `asSendable()`.
public struct LoopSequence<Base: AsyncSequence>: AsyncSequence, Sendable where Base.Element: Sendable {
    /// An element of the sequence.
    public typealias Element = Base.Element
    /// The type of the errors that iterating throws; see ``LoopSequence/Iterator/next()``.
    public typealias Failure = any Error

    private let storage: Storage

    fileprivate init(_ base: Base) { storage = Storage(base) }

    /// Returns an iterator over the elements.
    public func makeAsyncIterator() -> Iterator { Iterator(storage: storage) }

    /// An iterator over the elements.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let storage: Storage
        private var iterator: Base.AsyncIterator?

        fileprivate init(storage: Storage) { self.storage = storage }

        /// Returns the next element.
        ///
        /// - Throws: The errors of the sequence, including `CancellationError` if the task is cancelled;
        ///   ``RuntimeError`` if the task does not run on the loop of the sequence.
        public mutating func next() async throws -> Element? { try await next(isolation: #isolation) }

        /// Returns the next element; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            // Checked each time, before the iterator is touched.
            let base = try storage.base()
            var iterator = self.iterator ?? base.makeAsyncIterator()
            defer { self.iterator = iterator }
            return try await iterator.next(isolation: actor)
        }
    }

    // SAFETY: the sequence is used, and released, only on the thread of the loop.
    fileprivate final class Storage: @unchecked Sendable {
        private final class Held {
            let sequence: Base
            init(_ sequence: Base) { self.sequence = sequence }
        }

        private let loop = EventLoop.required(for: "asSendable()")
        private var held: Held?

        init(_ base: Base) { held = Held(base) }

        deinit {
            if EventLoop.here === loop { return }
            guard let last = unsafe held.map({ unsafe Unmanaged.passRetained($0 as AnyObject) }) else { return }
            held = nil
            // SAFETY: the only reference is passed on. A loop that is closed no longer uses the sequence.
            nonisolated(unsafe) let reference = unsafe last
            if !loop.post(.callback { unsafe reference.release() }) { unsafe reference.release() }
        }

        func base() throws(RuntimeError) -> Base {
            guard EventLoop.here === loop, let held else {
                throw RuntimeError(
                    "the sequence of asSendable() belongs to the event loop \"\(loop.name)\", and the task does not run "
                        + "on it; use a Mailbox to pass elements to another thread")
            }
            return held.sequence
        }
    }
}
