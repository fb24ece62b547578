/// A value that tasks can watch. A slow task can miss intermediate values, but always gets the latest value.
///
/// ```swift
/// let configuration = LatestValue(Configuration())
/// createTask { for try await now in configuration.changes { apply(now) } }
/// configuration.value = new
/// ```
///
/// asyncio: none. tokio: `watch`.
public final class LatestValue<Value> {
    // Loop thread only.
    @usableFromInline let observers = WaitQueue()
    /// The number of values that have been set so far, including the first value.
    @usableFromInline @safe @exclusivity(unchecked) var version = 1

    /// The latest value. Setting this property wakes all tasks that are waiting for a change, in O(*n*) time, where *n*
    /// is the number of these tasks.
    public var value: Value {
        didSet {
            version += 1
            observers.wake()
        }
    }

    /// Whether ``close()`` was called.
    @safe @exclusivity(unchecked) public private(set) var isClosed = false

    /// Creates an object with its first value.
    public init(_ value: Value) { self.value = value }

    /// Waits until the value satisfies a condition. If the current value satisfies the condition, this method does not
    /// suspend.
    ///
    /// The condition is checked only when the waiting task runs, so this method can miss a value that is replaced
    /// before the task runs.
    ///
    /// - Returns: The value that satisfies the condition.
    /// - Throws: ``QueueShutDown`` if the object is closed and the value does not satisfy the condition;
    ///   `CancellationError` if the task is cancelled while it waits; the error that the condition throws.
    ///
    /// tokio: `watch::Receiver::wait_for`.
    @discardableResult
    public func wait(for condition: (Value) throws -> Bool) async throws -> Value {
        while try !condition(value) {
            if isClosed { throw QueueShutDown() }
            try await observers.park(for: "LatestValue.wait()", on: self)
        }
        return value
    }

    /// Ends the sequences of changes after they have delivered the latest value. You can still read the value. If the
    /// object is already closed, this method does nothing.
    public func close() {
        isClosed = true
        observers.wake()
    }

    /// An asynchronous sequence of the current value and all later values. A slow iterator skips values that were
    /// replaced in the meantime.
    public var changes: Changes { Changes(of: self) }

    /// A sequence of the current value and all later values of a ``LatestValue``.
    public struct Changes: AsyncSequence {
        /// The type of the values.
        public typealias Element = Value
        /// The iteration throws an error if the task is cancelled.
        public typealias Failure = any Error

        fileprivate let subject: LatestValue

        fileprivate init(of subject: LatestValue) { self.subject = subject }

        /// Returns an iterator that begins with the current value.
        public func makeAsyncIterator() -> Iterator { Iterator(of: subject) }

        /// An iterator over the values.
        public final class Iterator: AsyncIteratorProtocol {
            @usableFromInline let subject: LatestValue
            @usableFromInline @safe @exclusivity(unchecked) var seen = 0

            fileprivate init(of subject: LatestValue) { self.subject = subject }

            /// Waits for a value that this iterator has not yet returned. The first call does not wait.
            ///
            /// - Returns: The latest value, or `nil` if the object is closed and this iterator has already returned the
            ///   latest value.
            /// - Throws: `CancellationError` if the task is cancelled while it waits.
            @inlinable
            public func next() async throws -> Value? {
                if seen == subject.version { try await waitForChange() }
                return nextNoWait()
            }

            /// Waits until a value is available that this iterator has not returned, or until the object is closed.
            @usableFromInline
            func waitForChange() async throws {
                while seen == subject.version, !subject.isClosed {
                    try await subject.observers.park(for: "LatestValue.changes", on: subject)
                }
            }

            /// Waits for a value that this iterator has not yet returned; see ``next()``.
            ///
            /// - Throws: `CancellationError` if the task is cancelled while it waits.
            @inlinable
            public func next(isolation actor: isolated (any Actor)?) async throws -> Value? { try await next() }

            /// Returns the latest value if this iterator has not returned it, and `nil` otherwise.
            @inlinable
            public func nextNoWait() -> Value? {
                guard seen != subject.version else { return nil }
                seen = subject.version
                return subject.value
            }

            @usableFromInline
            var line: WaitQueue { subject.observers }
            @usableFromInline
            var isOver: Bool { subject.isClosed && seen == subject.version }
        }
    }
}
