/// A type that can send commands: ``RedisClient`` or ``RedisConnection``.
///
/// The typed methods (``get(_:)``, ``set(_:_:)``, …) are members of this protocol.
public protocol RedisSending {
    /// Sends a command and waits for the reply.
    ///
    /// - Throws: ``RedisError`` if the reply is an error; ``RedisConnectionError`` if the connection is lost;
    ///   ``RedisTimeoutError`` if the reply does not arrive in time; `CancellationError` if the task is cancelled. In
    ///   that case, the server may still execute the command, but the client drops the reply.
    func send(_ command: RedisCommand) async throws -> RedisValue

    /// Sends several commands together and waits for all replies.
    ///
    /// The replies are in the order of the commands. An error reply appears as ``RedisValue/error(_:)``.
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
