internal import AsyncIO
internal import DequeModule

/// A channel whose messages reach all of its subscribers, on any number of machines.
///
/// ```swift
/// let prices = RedisBroadcast(redis, "prices", keeping: 10_000)
/// createTask { for try await price in try await prices.subscribe() { show(price.text) } }
/// try await prices.send("EUR 1.08")
/// ```
///
/// A broadcast that stores messages uses a stream. If a subscriber's connection is lost, the subscriber later continues
/// at the same position. A subscriber can also begin in the past, after a message with a given identifier. Subscribers
/// miss messages only if they fall behind by more than the number of stored messages, or if the server fails over. The
/// latest messages can be lost in the failover. If the clock of the new master is behind, new messages can have
/// identifiers below a subscriber's position. The subscriber misses these messages until the clock has caught up.
///
/// A broadcast that stores no messages uses pub/sub. Pub/sub is cheaper, but subscribers receive only the messages that
/// are sent while they are connected, and cannot find out which messages they missed.
///
/// redis-py: none. asyncio: none. In one process: `Broadcast`.
public final class RedisBroadcast {
    /// A message.
    public struct Message: Sendable, Hashable {
        /// The identifier after which a later subscription can begin. It is `nil` if no messages are stored.
        public let id: String?
        /// The bytes that were sent.
        public let payload: [UInt8]

        /// The bytes as text. Bytes that are not valid UTF-8 are replaced with U+FFFD.
        public var text: String { String(decoding: payload, as: UTF8.self) }
    }

    /// Where a subscription begins.
    public enum Start: Sendable, Hashable {
        /// The subscription begins with the messages that are sent from now on.
        case now
        /// The subscription begins with the oldest stored message.
        case oldest
        /// The subscription begins after the message with this identifier.
        case after(String)
    }

    // Loop thread only.
    private let redis: RedisClient

    /// The name of the broadcast: the key of a stream, or a channel.
    public let name: String
    /// The approximate number of stored messages, or `nil` to store none.
    public let keptCount: Int?

    /// Creates a broadcast.
    ///
    /// - Parameters:
    ///   - redis: The client.
    ///   - name: The name, which all programs that share the broadcast must use.
    ///   - count: The approximate number of stored messages, or `nil` to store none.
    public init(_ redis: RedisClient, _ name: String, keeping count: Int? = nil) {
        self.redis = redis
        self.name = name
        keptCount = count.map { max(1, $0) }
    }

    /// Sends a message to all subscribers.
    ///
    /// - Returns: The identifier of the message, or `nil` if no messages are stored.
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``. After a ``RedisConnectionError``, the
    ///   message may have been sent.
    @discardableResult
    public func send(_ message: some RedisArgument) async throws -> String? {
        guard let keptCount else {
            try await redis.publish(name, message)
            return nil
        }
        return try await redis.xadd(name, ["m": message], trim: .about(keptCount))
    }

    /// Subscribes to the messages.
    ///
    /// - Parameters:
    ///   - start: Where to begin. If the broadcast stores no messages, the subscription can begin only with new
    ///     messages.
    ///   - capacity: The maximum number of buffered messages. If the broadcast stores no messages and the buffer is
    ///     full, the oldest message is dropped.
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)`` and
    ///   ``RedisClient/subscribe(_:capacity:overflow:)``.
    public func subscribe(from start: Start = .now, capacity: Int = 1000) async throws -> Subscription {
        guard keptCount != nil else {
            guard start == .now else {
                throw ValueError(
                    "the broadcast \(name) stores no messages, so a subscription must begin with new ones; "
                        + "to store messages, use RedisBroadcast(_:_:keeping:)")
            }
            return Subscription(.channel(try await redis.subscribe(name, capacity: capacity)))
        }
        let id =
            switch start {
            case .oldest: "0-0"
            case .after(let id): id
            case .now: try await lastID()
            }
        return Subscription(.stream(redis, name, capacity: max(1, capacity)), after: id)
    }

    /// The identifier of the last message.
    private func lastID() async throws -> String {
        do {
            let info = try await redis.send("XINFO", "STREAM", name)
            return try info.value(for: "last-generated-id")?.string ?? "0-0"
        } catch let error as RedisError where error.text.contains("no such key") {
            return "0-0"
        }
    }

    /// A subscription to a ``RedisBroadcast``. Only one task can iterate over it at a time.
    public final class Subscription: AsyncSequence, AsyncIteratorProtocol {
        /// Iterating throws the same errors as ``next()``.
        public typealias Failure = any Error

        enum Source {
            case channel(RedisSubscription)
            case stream(RedisClient, String, capacity: Int)
        }

        // Loop thread only.
        private let source: Source
        private var messages = Deque<Message>()
        private var last: String
        private var failures = 0

        init(_ source: Source, after id: String = "") {
            self.source = source
            last = id
        }

        /// Returns the subscription itself.
        public func makeAsyncIterator() -> Subscription { self }

        /// Waits for the next message, and takes it.
        ///
        /// - Returns: The message, or `nil` if the client is closed.
        /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``, except those after which the
        ///   subscription reconnects; `CancellationError` if the task is cancelled. In that case, no message is lost.
        public func next() async throws -> Message? {
            switch source {
            case .channel(let subscription):
                return try await subscription.next().map { Message(id: nil, payload: $0.payload) }
            case .stream(let redis, let key, let capacity):
                while messages.isEmpty {
                    if redis.isClosed { return nil }
                    try await fetch(redis, key, capacity)
                }
                return messages.popFirst()
            }
        }

        /// Takes the next message; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
        public func next(isolation actor: isolated (any Actor)?) async throws -> Message? { try await next() }

        private func fetch(_ redis: RedisClient, _ key: String, _ capacity: Int) async throws {
            var generator = SystemRandomNumberGenerator()
            let last = self.last
            do {
                let entries = try await redis.withConnection(for: key) { connection in
                    try await connection.xread(key, after: last, count: capacity, block: .seconds(5))
                }
                failures = 0
                for entry in entries {
                    self.last = entry.id
                    if let payload = try entry["m"]?.bytes { messages.append(Message(id: entry.id, payload: payload)) }
                }
            } catch let error where !redis.isClosed && RedisError.isPassing(error) {
                failures += 1
                try await sleep(redis.configuration.backoff.delay(afterFailure: failures, using: &generator))
            }
        }
    }
}
