/// What commands can be sent to: a ``RedisClient``, or a ``RedisConnection``.
///
/// The typed calls (``get(_:)``, ``set(_:_:)``, …) are members of this protocol.
public protocol RedisSending {
    /// Sends a command and waits for the reply.
    ///
    /// - Throws: ``RedisError`` if the reply is an error; ``RedisConnectionError`` if the connection is lost;
    ///   ``RedisTimeoutError`` if the reply does not come in time; `CancellationError` if the task is cancelled. In that
    ///   case, the server can execute the command nevertheless, and its reply is dropped.
    func send(_ command: RedisCommand) async throws -> RedisValue

    /// Sends several commands together and waits for all replies.
    ///
    /// The replies are in the order of the commands. A reply that is an error is among them as ``RedisValue/error(_:)``.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``, but not ``RedisError``.
    func send(_ commands: [RedisCommand]) async throws -> [RedisValue]
}

extension RedisSending {
    /// Sends a command with arguments and waits for the reply.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `execute_command`.
    @discardableResult
    public func send(_ name: String, _ arguments: any RedisArgument...) async throws -> RedisValue {
        try await send(RedisCommand(name, arguments: arguments))
    }
}
