public import AsyncIO

/// A connection that only one task uses; see ``RedisClient/withConnection(for:_:)``.
///
/// redis-py: `Redis(single_connection_client=True)`.
public final class RedisConnection: RedisSending {
    // Loop thread only.
    let link: RedisLink
    /// Whether the connection is still in its initial state.
    private var isClean = true
    /// Whether keys are being watched, or a transaction has begun.
    private var isWatching = false
    private var channels: [Broadcast<RedisValue>] = []

    init(_ link: RedisLink) { self.link = link }

    /// Whether the connection is open.
    public var isOpen: Bool { link.isOpen }

    /// Whether another task can use the connection.
    var isReusable: Bool { isOpen && isClean && !isWatching && link.pendingCount == 0 }

    /// Sends a command and waits for the reply.
    ///
    /// - Throws: ``RedisError`` if the reply is an error; ``RedisConnectionError`` if the connection is lost;
    ///   ``RedisTimeoutError`` if the reply does not arrive in time; `CancellationError` if the task is cancelled. In
    ///   that case, the server may still execute the command, but the client drops the reply.
    public func send(_ command: RedisCommand) async throws -> RedisValue {
        note(command)
        switch try await link.send(command) {
        case .value(.error(let error)): throw error
        case .value(let value): return value
        case .failure(let error): throw error
        }
    }

    /// Sends several commands together and waits for all replies; see ``RedisClient/send(_:)-([RedisCommand])``.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``, but not ``RedisError``.
    public func send(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        for command in commands { note(command) }
        switch try await link.send(commands) {
        case .value(let value): return try value.array
        case .failure(let error): throw error
        }
    }

    /// Records how a command changes the state of the connection.
    private func note(_ command: RedisCommand) {
        switch command.name {
        case "WATCH", "MULTI": isWatching = true
        case "UNWATCH", "EXEC", "DISCARD": isWatching = false
        case "SELECT", "CLIENT", "AUTH", "HELLO", "RESET", "MONITOR", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE",
            "READONLY", "ASKING":
            isClean = false
        default: break
        }
    }

    /// Returns the messages from the server that are not replies, such as the invalidations after `CLIENT TRACKING ON`.
    /// Such messages require RESP3. The sequence ends when the connection is closed.
    ///
    /// - Parameter capacity: The maximum number of buffered messages. When the buffer is full, the oldest message is
    ///   dropped.
    /// - Precondition: `capacity` is at least 1.
    ///
    /// redis-py: `push_handler_func`.
    public func pushes(capacity: Int = 100) -> Broadcast<RedisValue>.Subscription {
        let channel = Broadcast<RedisValue>(capacity: capacity)
        let subscription = channel.subscribe()
        channels.append(channel)
        isClean = false
        if !link.isOpen { channel.close() }
        link.onPush = { [weak self] values in
            for channel in self?.channels ?? [] { try? channel.sendNoWait(.push(values)) }
        }
        link.onClosed = { [weak self] in
            for channel in self?.channels ?? [] { channel.close() }
        }
        return subscription
    }

    /// Closes the connection at once. Commands that have not been answered fail.
    public func close() { link.close() }
}
