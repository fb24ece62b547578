internal import AsyncIO
internal import DequeModule

/// What to do with messages when the buffer of a subscription is full.
public enum RedisOverflow: Sendable, Hashable {
    /// Drop the oldest message. ``RedisSubscription/missedCount`` counts the dropped messages.
    case dropOldest
    /// Drop the newest message. ``RedisSubscription/missedCount`` counts the dropped messages.
    case dropNewest
    /// End the subscription with a ``RedisOverflowError``.
    case fail
}

/// An error thrown by a subscription whose buffer is full; see ``RedisOverflow/fail``.
public struct RedisOverflowError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The maximum number of buffered messages.
    public let capacity: Int
    /// The error as text.
    public var description: String {
        "the subscription was too slow: its buffer of \(capacity) messages is full; increase the capacity, or use "
            + "RedisOverflow.dropOldest"
    }
}

/// The messages of one or more channels, in the order in which the server sends them.
///
/// A subscription ends when it is closed or released, or when its client is closed. If the connection is lost, the
/// client subscribes again. Messages that are published in the meantime are lost, as with every subscription in Redis;
/// ``interruptionCount`` shows that this may have happened. For messages that must not be lost, use a stream.
///
/// Only one task can iterate over a subscription at a time.
///
/// redis-py: `PubSub`.
public final class RedisSubscription: AsyncSequence, AsyncIteratorProtocol {
    /// Iterating fails if the task is cancelled, if the buffer was full (``RedisOverflowError``), or if the server
    /// refuses the channels.
    public typealias Failure = any Error

    // Loop thread only.
    let topics: [PubSubTopic]
    private weak var hub: PubSubHub?
    private var messages = Deque<RedisMessage>()
    private var waiter: Future<Void>?
    private var failure: (any Error)?
    private var isClosed = false

    /// The number of messages that the subscription can buffer.
    public let capacity: Int
    /// What to do with messages when the buffer is full.
    public let overflow: RedisOverflow
    /// The number of messages that were dropped because the buffer was full.
    public private(set) var missedCount = 0
    /// The number of times that the connection was lost. Each time, messages may have been missed.
    public private(set) var interruptionCount = 0

    init(_ topics: [PubSubTopic], capacity: Int, overflow: RedisOverflow, hub: PubSubHub) {
        self.topics = topics
        self.capacity = capacity
        self.overflow = overflow
        self.hub = hub
    }

    deinit { hub?.leave(topics, ObjectIdentifier(self)) }

    /// The number of messages that can be taken without waiting.
    public var count: Int { messages.count }

    /// Returns the subscription itself.
    public func makeAsyncIterator() -> RedisSubscription { self }

    /// Waits for the next message, and takes it.
    ///
    /// - Returns: The message, or `nil` if the subscription or its client is closed.
    /// - Throws: ``RedisOverflowError`` if the buffer was full; ``RedisError`` if the server refuses to subscribe
    ///   again; `CancellationError` if the task is cancelled while it waits. In that case, no message is lost.
    public func next() async throws -> RedisMessage? {
        while true {
            if let message = messages.popFirst() { return message }
            if let failure { throw failure }
            if isClosed { return nil }
            let waiter = Future<Void>()
            self.waiter = waiter
            try await waiter.value
        }
    }

    /// Takes the next message; see ``next()``.
    ///
    /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
    public func next(isolation actor: isolated (any Actor)?) async throws -> RedisMessage? { try await next() }

    /// Ends the subscription. Messages that have arrived can still be taken. Calling this method again has no effect.
    public func close() {
        guard !isClosed else { return }
        hub?.leave(topics, ObjectIdentifier(self))
        end(nil)
    }

    // MARK: Inside

    func receive(_ message: RedisMessage) {
        guard !isClosed else { return }
        if messages.count >= capacity {
            switch overflow {
            case .dropNewest:
                missedCount += 1
                return
            case .dropOldest:
                missedCount += 1
                messages.removeFirst()
            case .fail:
                hub?.leave(topics, ObjectIdentifier(self))
                return end(RedisOverflowError(capacity: capacity))
            }
        }
        messages.append(message)
        wake()
    }

    func noteInterruption() { interruptionCount += 1 }

    func end(_ error: (any Error)?) {
        isClosed = true
        if failure == nil { failure = error }
        wake()
    }

    private func wake() {
        guard let waiter = waiter.take(), !waiter.isDone else { return }
        try? waiter.setResult(())
    }
}
