// Lists.
extension RedisSending {
    /// Adds values to the beginning of a list, one after another.
    ///
    /// - Returns: The new length.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lpush`.
    @discardableResult
    public func lpush(_ key: some RedisArgument, _ values: any RedisArgument...) async throws -> Int {
        var command = RedisCommand("LPUSH", key)
        for value in values { value.append(to: &command) }
        return try await send(command).integer
    }

    /// Adds values to the end of a list, one after another.
    ///
    /// - Returns: The new length.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `rpush`.
    @discardableResult
    public func rpush(_ key: some RedisArgument, _ values: any RedisArgument...) async throws -> Int {
        var command = RedisCommand("RPUSH", key)
        for value in values { value.append(to: &command) }
        return try await send(command).integer
    }

    /// Removes and returns the first value of a list, or returns `nil` if the list is empty.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lpop`.
    public func lpop(_ key: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("LPOP", key)).nonNull
    }

    /// Removes and returns the last value of a list, or returns `nil` if the list is empty.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `rpop`.
    public func rpop(_ key: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("RPOP", key)).nonNull
    }

    /// Returns the length of a list.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `llen`.
    public func llen(_ key: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("LLEN", key)).integer
    }

    /// Returns the values from position `first` through position `last`. Negative positions count from the end.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lrange`.
    public func lrange(_ key: some RedisArgument, _ first: Int = 0, _ last: Int = -1) async throws -> [RedisValue] {
        try await send(RedisCommand("LRANGE", key, first, last)).array
    }

    /// Returns the value at a position, or `nil` if the list has no such position.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lindex`.
    public func lindex(_ key: some RedisArgument, _ index: Int) async throws -> RedisValue? {
        try await send(RedisCommand("LINDEX", key, index)).nonNull
    }

    /// Replaces the value at a position.
    ///
    /// - Throws: ``RedisError`` if the list has no such position; the same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lset`.
    public func lset(_ key: some RedisArgument, _ index: Int, _ value: some RedisArgument) async throws {
        _ = try await send(RedisCommand("LSET", key, index, value))
    }

    /// Removes values that are equal to a given value.
    ///
    /// A positive count removes that many values, starting at the beginning. With a negative count, the removal starts
    /// at the end. A count of 0 removes all equal values.
    ///
    /// - Returns: The number of removed elements.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lrem`.
    @discardableResult
    public func lrem(_ key: some RedisArgument, _ value: some RedisArgument, count: Int = 0) async throws -> Int {
        try await send(RedisCommand("LREM", key, count, value)).integer
    }

    /// Removes all values except those from position `first` through position `last`. Negative positions count from the
    /// end.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `ltrim`.
    public func ltrim(_ key: some RedisArgument, _ first: Int, _ last: Int) async throws {
        _ = try await send(RedisCommand("LTRIM", key, first, last))
    }

    /// Moves the last value of a list to the beginning of another list.
    ///
    /// - Returns: The value, or `nil` if the list is empty.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `lmove`.
    @discardableResult
    public func lmove(_ key: some RedisArgument, to other: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("LMOVE", key, other, "RIGHT", "LEFT")).nonNull
    }

    /// Removes and returns the first value of the first list that is not empty. If all lists are empty, the method
    /// waits until a list has a value or the time limit is reached. Call this method on a separate connection
    /// (``RedisClient/withConnection(for:_:)``), because a waiting connection executes no other commands.
    ///
    /// - Returns: The list's key and the value, or `nil` if the time limit was reached.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `blpop`.
    public func blpop(
        _ keys: any RedisArgument..., timeout: Duration? = nil
    ) async throws -> (key: RedisValue, value: RedisValue)? {
        try await blockingPop("BLPOP", keys, timeout)
    }

    /// Removes and returns the last value of the first list that is not empty. If all lists are empty, the method waits
    /// until a list has a value or the time limit is reached. Call this method on a separate connection
    /// (``RedisClient/withConnection(for:_:)``), because a waiting connection executes no other commands.
    ///
    /// - Returns: The list's key and the value, or `nil` if the time limit was reached.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `brpop`.
    public func brpop(
        _ keys: any RedisArgument..., timeout: Duration? = nil
    ) async throws -> (key: RedisValue, value: RedisValue)? {
        try await blockingPop("BRPOP", keys, timeout)
    }
}

extension RedisSending {
    private func blockingPop(
        _ name: String, _ keys: [any RedisArgument], _ timeout: Duration?
    ) async throws -> (key: RedisValue, value: RedisValue)? {
        var command = RedisCommand(name, arguments: keys)
        command.appendTimeout(timeout)
        let reply = try await send(command)
        if reply.isNull { return nil }
        let parts = try reply.array
        guard parts.count == 2 else { throw reply.mismatch("a key and a value") }
        return (parts[0], parts[1])
    }
}

extension RedisCommand {
    /// Appends the server's maximum wait time in seconds, and extends the time limit for the reply accordingly. A
    /// timeout of nil means no limit.
    mutating func appendTimeout(_ timeout: Duration?) {
        timeLimit = .none
        append(timeout.map { max(0.001, $0 / .seconds(1)) } ?? 0)
    }
}
