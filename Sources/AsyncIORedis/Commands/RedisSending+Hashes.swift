// Hashes: fields and their values.
extension RedisSending {
    /// Sets a field.
    ///
    /// - Returns: Whether the field is new.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hset`.
    @discardableResult
    public func hset(
        _ key: some RedisArgument, _ field: some RedisArgument, _ value: some RedisArgument
    ) async throws -> Bool {
        try await send(RedisCommand("HSET", key, field, value)).integer == 1
    }

    /// Sets several fields.
    ///
    /// - Returns: The number of new fields.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hset(mapping=…)`.
    @discardableResult
    public func hset(
        _ key: some RedisArgument, _ fields: KeyValuePairs<String, any RedisArgument>
    ) async throws -> Int {
        if fields.isEmpty { return 0 }
        var command = RedisCommand("HSET", key)
        for (field, value) in fields {
            command.append(field)
            value.append(to: &command)
        }
        return try await send(command).integer
    }

    /// Sets a field if it does not exist.
    ///
    /// - Returns: Whether the field was set.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hsetnx`.
    @discardableResult
    public func hsetIfMissing(
        _ key: some RedisArgument, _ field: some RedisArgument, _ value: some RedisArgument
    ) async throws -> Bool {
        try await send(RedisCommand("HSETNX", key, field, value)).boolean
    }

    /// Returns the value of a field, or `nil` if the field does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hget`.
    public func hget(_ key: some RedisArgument, _ field: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("HGET", key, field)).nonNull
    }

    /// Returns the values of several fields, with `nil` for fields that do not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hmget`.
    public func hmget(_ key: some RedisArgument, _ fields: any RedisArgument...) async throws -> [RedisValue?] {
        var command = RedisCommand("HMGET", key)
        for field in fields { field.append(to: &command) }
        return try await send(command).array.map(\.nonNull)
    }

    /// Returns all fields and their values, or an empty array if the key does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hgetall`.
    public func hgetall(_ key: some RedisArgument) async throws -> [RedisPair] {
        try await send(RedisCommand("HGETALL", key)).map
    }

    /// Returns all fields and their values as a dictionary.
    ///
    /// - Throws: ``RedisTypeError`` if a field is not text, or a value cannot be converted; the same errors as
    ///   ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hgetall`.
    public func hgetall<T: RedisDecodable>(_ key: some RedisArgument, as type: T.Type) async throws -> [String: T] {
        try await send(RedisCommand("HGETALL", key)).decode()
    }

    /// Removes fields.
    ///
    /// - Returns: The number of fields that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hdel`.
    @discardableResult
    public func hdel(_ key: some RedisArgument, _ fields: any RedisArgument...) async throws -> Int {
        var command = RedisCommand("HDEL", key)
        for field in fields { field.append(to: &command) }
        return try await send(command).integer
    }

    /// Returns whether a field exists.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hexists`.
    public func hexists(_ key: some RedisArgument, _ field: some RedisArgument) async throws -> Bool {
        try await send(RedisCommand("HEXISTS", key, field)).boolean
    }

    /// Increments the number in a field by an amount. A field that does not exist counts as 0.
    ///
    /// - Returns: The new number.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hincrby`.
    @discardableResult
    public func hincrement(
        _ key: some RedisArgument, _ field: some RedisArgument, by amount: Int = 1
    ) async throws -> Int {
        try await send(RedisCommand("HINCRBY", key, field, amount)).integer
    }

    /// Increments the number in a field by an amount. A field that does not exist counts as 0.
    ///
    /// - Returns: The new number.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hincrbyfloat`.
    @discardableResult
    public func hincrement(
        _ key: some RedisArgument, _ field: some RedisArgument, by amount: Double
    ) async throws -> Double {
        try await send(RedisCommand("HINCRBYFLOAT", key, field, amount)).double
    }

    /// Returns all fields.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hkeys`.
    public func hkeys(_ key: some RedisArgument) async throws -> [RedisValue] {
        try await send(RedisCommand("HKEYS", key)).array
    }

    /// Returns all values.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hvals`.
    public func hvals(_ key: some RedisArgument) async throws -> [RedisValue] {
        try await send(RedisCommand("HVALS", key)).array
    }

    /// Returns the number of fields.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `hlen`.
    public func hlen(_ key: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("HLEN", key)).integer
    }
}
