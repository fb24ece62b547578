// Keys of all types.
extension RedisSending {
    /// Removes keys. In a cluster, all keys must be in one slot.
    ///
    /// - Returns: The number of keys that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `delete`.
    @discardableResult
    public func delete(_ keys: any RedisArgument...) async throws -> Int { try await delete(keys) }

    /// Removes keys. In a cluster, all keys must be in one slot.
    ///
    /// - Returns: The number of keys that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `delete`.
    @discardableResult
    public func delete(_ keys: [any RedisArgument]) async throws -> Int {
        keys.isEmpty ? 0 : try await send(RedisCommand("DEL", arguments: keys)).integer
    }

    /// Removes keys, and frees their memory in the background. In a cluster, all keys must be in one slot.
    ///
    /// - Returns: The number of keys that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `unlink`.
    @discardableResult
    public func unlink(_ keys: any RedisArgument...) async throws -> Int {
        try await send(RedisCommand("UNLINK", arguments: keys)).integer
    }

    /// Returns the number of keys that exist. A key that is passed twice counts twice.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `exists`.
    public func exists(_ keys: any RedisArgument...) async throws -> Int {
        try await send(RedisCommand("EXISTS", arguments: keys)).integer
    }

    /// Makes a key expire after a duration, which is rounded to milliseconds.
    ///
    /// - Returns: Whether the key exists.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `pexpire`.
    @discardableResult
    public func expire(_ key: some RedisArgument, after duration: Duration) async throws -> Bool {
        try await send(RedisCommand("PEXPIRE", key, duration.redisMilliseconds)).boolean
    }

    /// Makes a key expire at the given time, in milliseconds since 1970.
    ///
    /// - Returns: Whether the key exists.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `pexpireat`.
    @discardableResult
    public func expire(_ key: some RedisArgument, atMilliseconds time: Int) async throws -> Bool {
        try await send(RedisCommand("PEXPIREAT", key, time)).boolean
    }

    /// Removes the expiry time of a key.
    ///
    /// - Returns: Whether the key exists and had an expiry time.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `persist`.
    @discardableResult
    public func persist(_ key: some RedisArgument) async throws -> Bool {
        try await send(RedisCommand("PERSIST", key)).boolean
    }

    /// Returns the time until a key expires, or `nil` if the key does not exist or does not expire.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `pttl`.
    public func timeToLive(_ key: some RedisArgument) async throws -> Duration? {
        let milliseconds = try await send(RedisCommand("PTTL", key)).integer
        return milliseconds < 0 ? nil : .milliseconds(milliseconds)
    }

    /// Returns the type of a key's value, such as `hash`, or `none` if the key does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `type`.
    public func type(_ key: some RedisArgument) async throws -> String {
        try await send(RedisCommand("TYPE", key)).string
    }

    /// Renames a key. In a cluster, both names must be in one slot.
    ///
    /// - Throws: ``RedisError`` if the key does not exist; the same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `rename`.
    public func rename(_ key: some RedisArgument, to name: some RedisArgument) async throws {
        _ = try await send(RedisCommand("RENAME", key, name))
    }

    /// Copies the value of a key to another key. In a cluster, both keys must be in one slot.
    ///
    /// - Returns: Whether the value was copied.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `copy`.
    @discardableResult
    public func copy(
        _ key: some RedisArgument, to other: some RedisArgument, replace: Bool = false
    ) async throws -> Bool {
        var command = RedisCommand("COPY", key, other)
        if replace { command.append("REPLACE") }
        return try await send(command).boolean
    }

    /// Returns all keys of one server that match a pattern. If the server has many keys, this call blocks the server
    /// for a long time. In that case, use ``RedisClient/scan(match:count:type:)``.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `keys`.
    public func keys(matching pattern: some RedisArgument) async throws -> [RedisValue] {
        try await send(RedisCommand("KEYS", pattern)).array
    }
}
