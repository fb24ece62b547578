internal import AsyncIO

/// A flag that programs on any number of machines can set and wait for.
///
/// ```swift
/// let ready = RedisEvent(redis, "ready")
/// try await ready.wait() // on any machine
/// ```
///
/// ```swift
/// try await ready.set() // on another
/// ```
///
/// The flag is a key, so it stays set until it is cleared, even for tasks that begin to wait later. A waiting task is
/// notified of a change by a message, and checks the key again after each lost connection. Therefore, the task does not
/// miss a flag that stays set, but it can miss a flag that is cleared immediately. A failover of the server can undo
/// the latest changes.
///
/// redis-py: none. asyncio: `asyncio.Event`, in one process.
public final class RedisEvent {
    // Loop thread only.
    private let redis: RedisClient

    /// The key of the flag.
    public let key: String

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - redis: The client.
    ///   - key: The key, which all programs that share the event must use.
    public init(_ redis: RedisClient, _ key: String) {
        self.redis = redis
        self.key = key
    }

    private var channel: String { "\(key):set" }

    /// Sets the flag, and wakes the tasks that wait for it.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func set() async throws {
        try await redis.run(Self.setFlag, keys: [key], arguments: [channel])
    }

    /// Clears the flag.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func clear() async throws { try await redis.delete(key) }

    /// Returns whether the flag is set.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func isSet() async throws -> Bool { try await redis.exists(key) == 1 }

    /// Waits until the flag is set.
    ///
    /// While the server cannot be reached or is not the master, the method continues to wait.
    ///
    /// - Throws: ``RedisError`` if the server rejects the command; ``RedisConnectionError`` if the client is closed, or
    ///   if the server cannot be reached at the beginning; `CancellationError` if the task is cancelled.
    public func wait() async throws {
        let messages = try await redis.subscribe(channel, capacity: 1)
        defer { messages.close() }
        while true {
            do {
                if try await isSet() { return }
            } catch let error where !redis.isClosed && RedisError.isPassing(error) {}
            do {
                // A message can be lost together with the connection.
                try await withTimeout(.seconds(1)) {
                    if try await messages.next() == nil { throw RedisConnectionError.closed }
                }
            } catch is TimeoutError {}
        }
    }

    private static let setFlag = RedisScript(
        """
        redis.call("SET", KEYS[1], "1")
        return redis.call("PUBLISH", ARGV[1], "")
        """)
}
