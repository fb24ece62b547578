// Sets.
extension RedisSending {
    /// Adds members.
    ///
    /// - Returns: The number of new members.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `sadd`.
    @discardableResult
    public func sadd(_ key: some RedisArgument, _ members: any RedisArgument...) async throws -> Int {
        var command = RedisCommand("SADD", key)
        for member in members { member.append(to: &command) }
        return try await send(command).integer
    }

    /// Removes members.
    ///
    /// - Returns: The number of members that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `srem`.
    @discardableResult
    public func srem(_ key: some RedisArgument, _ members: any RedisArgument...) async throws -> Int {
        var command = RedisCommand("SREM", key)
        for member in members { member.append(to: &command) }
        return try await send(command).integer
    }

    /// Returns all members.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `smembers`.
    public func smembers(_ key: some RedisArgument) async throws -> [RedisValue] {
        try await send(RedisCommand("SMEMBERS", key)).array
    }

    /// Returns whether a value is a member.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `sismember`.
    public func sismember(_ key: some RedisArgument, _ member: some RedisArgument) async throws -> Bool {
        try await send(RedisCommand("SISMEMBER", key, member)).boolean
    }

    /// Returns the number of members.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `scard`.
    public func scard(_ key: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("SCARD", key)).integer
    }

    /// Removes and returns a random member, or returns `nil` if the set is empty.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `spop`.
    public func spop(_ key: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("SPOP", key)).nonNull
    }

    /// Returns a random member, or `nil` if the set is empty.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `srandmember`.
    public func srandmember(_ key: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("SRANDMEMBER", key)).nonNull
    }

    /// Moves a member to another set. In a cluster, both sets must be in one slot.
    ///
    /// - Returns: Whether the value was a member.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `smove`.
    @discardableResult
    public func smove(
        _ key: some RedisArgument, to other: some RedisArgument, _ member: some RedisArgument
    ) async throws -> Bool {
        try await send(RedisCommand("SMOVE", key, other, member)).boolean
    }

    /// Returns the members that are in all sets. In a cluster, all sets must be in one slot.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `sinter`.
    public func sinter(_ keys: any RedisArgument...) async throws -> [RedisValue] {
        try await send(RedisCommand("SINTER", arguments: keys)).array
    }

    /// Returns the members that are in at least one set. In a cluster, all sets must be in one slot.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `sunion`.
    public func sunion(_ keys: any RedisArgument...) async throws -> [RedisValue] {
        try await send(RedisCommand("SUNION", arguments: keys)).array
    }

    /// Returns the members of the first set that are in none of the other sets. In a cluster, all sets must be in one
    /// slot.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `sdiff`.
    public func sdiff(_ keys: any RedisArgument...) async throws -> [RedisValue] {
        try await send(RedisCommand("SDIFF", arguments: keys)).array
    }
}
