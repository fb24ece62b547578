// Scripts; see ``RedisScript``.
extension RedisSending {
    /// Runs Lua code. To send the code only once, use a ``RedisScript``.
    ///
    /// - Returns: The value that the code returns.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `eval`.
    @discardableResult
    public func eval(
        _ code: String, keys: [String] = [], arguments: [any RedisArgument] = []
    ) async throws -> RedisValue {
        var command = RedisCommand("EVAL", code, keys.count)
        command.append(contentsOf: keys)
        for argument in arguments { argument.append(to: &command) }
        return try await send(command)
    }

    /// Removes all scripts from the server.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `script_flush`.
    public func flushScripts() async throws { _ = try await send(RedisCommand("SCRIPT", "FLUSH")) }
}
