/// A value that tasks can watch. A slow task misses intermediate values, but always gets the latest one.
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
    /// The number of values so far.
    @usableFromInline @safe @exclusivity(unchecked) var version = 1

    /// The latest value. Setting it wakes all tasks that wait for a change, in O(*n*) time, where *n* is the number of
    /// these tasks.
    public var value: Value {
        didSet {
            version += 1
            observers.wake()
        }
    }

    /// Whether ``close()`` was called.
    @safe @exclusivity(unchecked) public private(set) var isClosed = false

    /// Creates the object with its first value.
    public init(_ value: Value) { self.value = value }

    /// Waits until the value satisfies a condition. Does not suspend if it already does.
    ///
    /// The condition is checked for the latest value when the task runs, so this method can miss a value that was
    /// replaced immediately.
    ///
    /// - Returns: The value.
    /// - Throws: ``QueueShutDown`` if the object is closed first; `CancellationError` if the task is cancelled while it
    ///   waits; the errors of the condition.
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

    /// Ends the sequences of changes once they have delivered the latest value. The value can still be read. Calling
    /// this again does nothing.
    public func close() {
        isClosed = true
        observers.wake()
    }

    /// The current value and its changes, as an asynchronous sequence. A slow iterator skips values that were replaced
    /// in the meantime.
    public var changes: Changes { Changes(of: self) }

    /// The current value of a ``LatestValue``, and its changes.
    public struct Changes: AsyncSequence {
        /// A value.
        public typealias Element = Value
        /// Iterating fails if the task is cancelled.
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

            /// Waits for a value that this iterator has not returned. The first value is available at once.
            ///
            /// - Returns: The latest value, or `nil` if the object is closed.
            /// - Throws: `CancellationError` if the task is cancelled while it waits.
            @inlinable
            public func next() async throws -> Value? {
                if seen == subject.version { try await waitForChange() }
                return nextNoWait()
            }

            /// Waits until there is a value that was not returned, or the object is closed.
            @usableFromInline
            func waitForChange() async throws {
                while seen == subject.version, !subject.isClosed {
                    try await subject.observers.park(for: "LatestValue.changes", on: subject)
                }
            }

            /// Waits for a value that this iterator has not returned; see ``next()``.
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
