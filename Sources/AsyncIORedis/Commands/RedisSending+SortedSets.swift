// Sorted sets: members and their scores.
extension RedisSending {
    /// Adds a member, or changes its score.
    ///
    /// - Returns: Whether the member is new.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zadd`.
    @discardableResult
    public func zadd(
        _ key: some RedisArgument, _ member: some RedisArgument, score: Double, if condition: RedisCondition? = nil
    ) async throws -> Bool {
        var command = RedisCommand("ZADD", key)
        if let condition { command.append(condition.rawValue) }
        command.append(score)
        command.append(member)
        return try await send(command).boolean
    }

    /// Increments the score of a member by an amount. The score of a member that does not exist counts as 0.
    ///
    /// - Returns: The new score.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zincrby`.
    @discardableResult
    public func zincrement(
        _ key: some RedisArgument, _ member: some RedisArgument, by amount: Double
    ) async throws -> Double {
        try await send(RedisCommand("ZINCRBY", key, amount, member)).double
    }

    /// Removes members.
    ///
    /// - Returns: The number of members that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zrem`.
    @discardableResult
    public func zrem(_ key: some RedisArgument, _ members: any RedisArgument...) async throws -> Int {
        var command = RedisCommand("ZREM", key)
        for member in members { member.append(to: &command) }
        return try await send(command).integer
    }

    /// Returns the score of a member, or `nil` if the member does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zscore`.
    public func zscore(_ key: some RedisArgument, _ member: some RedisArgument) async throws -> Double? {
        try await send(RedisCommand("ZSCORE", key, member)).nonNull?.double
    }

    /// Returns the number of members.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zcard`.
    public func zcard(_ key: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("ZCARD", key)).integer
    }

    /// Returns the number of members with a score in a range.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zcount`.
    public func zcount(_ key: some RedisArgument, _ scores: ClosedRange<Double>) async throws -> Int {
        try await send(RedisCommand("ZCOUNT", key, scores.lowerBound, scores.upperBound)).integer
    }

    /// Returns the position of a member among the members sorted by score, or `nil` if the member does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zrank`.
    public func zrank(_ key: some RedisArgument, _ member: some RedisArgument) async throws -> Int? {
        try await send(RedisCommand("ZRANK", key, member)).nonNull?.integer
    }

    /// Returns the members from position `first` through position `last`, sorted by score. Negative positions count
    /// from the end.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zrange`.
    public func zrange(
        _ key: some RedisArgument, _ first: Int = 0, _ last: Int = -1, reversed: Bool = false
    ) async throws -> [RedisScored] {
        var command = RedisCommand("ZRANGE", key, first, last)
        if reversed { command.append("REV") }
        command.append("WITHSCORES")
        return try await send(command).scored
    }

    /// Returns at most `limit` members with a score in a range, sorted by score.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zrange(byscore=True)`.
    public func zrange(
        _ key: some RedisArgument, scores: ClosedRange<Double>, limit: Int? = nil
    ) async throws -> [RedisScored] {
        var command = RedisCommand("ZRANGE", key, scores.lowerBound, scores.upperBound, "BYSCORE")
        if let limit {
            command.append("LIMIT")
            command.append(0)
            command.append(limit)
        }
        command.append("WITHSCORES")
        return try await send(command).scored
    }

    /// Removes and returns the members with the lowest scores.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zpopmin`.
    public func zpopmin(_ key: some RedisArgument, count: Int = 1) async throws -> [RedisScored] {
        try await send(RedisCommand("ZPOPMIN", key, count)).scored
    }

    /// Removes and returns the members with the highest scores.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zpopmax`.
    public func zpopmax(_ key: some RedisArgument, count: Int = 1) async throws -> [RedisScored] {
        try await send(RedisCommand("ZPOPMAX", key, count)).scored
    }

    /// Removes and returns the member with the lowest score of the first sorted set that is not empty. If all sets are
    /// empty, the method waits until a set has a member or the time limit is reached. Call this method on a separate
    /// connection (``RedisClient/withConnection(for:_:)``), because a waiting connection executes no other commands.
    ///
    /// - Returns: The key, the member, and its score, or `nil` if the time limit was reached.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `bzpopmin`.
    public func bzpopmin(
        _ keys: any RedisArgument..., timeout: Duration? = nil
    ) async throws -> (key: RedisValue, first: RedisScored)? {
        var command = RedisCommand("BZPOPMIN", arguments: keys)
        command.appendTimeout(timeout)
        let reply = try await send(command)
        if reply.isNull { return nil }
        let parts = try reply.array
        guard parts.count == 3 else { throw reply.mismatch("a key, a member, and a score") }
        return (parts[0], RedisScored(member: parts[1], score: try parts[2].double))
    }

    /// Removes the members with a score in a range.
    ///
    /// - Returns: The number of removed elements.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zremrangebyscore`.
    @discardableResult
    public func zrem(_ key: some RedisArgument, scores: ClosedRange<Double>) async throws -> Int {
        try await send(RedisCommand("ZREMRANGEBYSCORE", key, scores.lowerBound, scores.upperBound)).integer
    }

    /// Removes the members in a range of positions.
    ///
    /// - Returns: The number of removed elements.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `zremrangebyrank`.
    @discardableResult
    public func zrem(_ key: some RedisArgument, from first: Int, through last: Int) async throws -> Int {
        try await send(RedisCommand("ZREMRANGEBYRANK", key, first, last)).integer
    }
}

extension RedisValue {
    /// The members and their scores. The value contains pairs in RESP3, and alternating members and scores in RESP2.
    var scored: [RedisScored] {
        get throws {
            let values = try array
            if case .array? = values.first {
                return try values.map { pair in
                    let parts = try pair.array
                    guard parts.count == 2 else { throw pair.mismatch("a member and a score") }
                    return RedisScored(member: parts[0], score: try parts[1].double)
                }
            }
            return try map.map { RedisScored(member: $0.key, score: try $0.value.double) }
        }
    }
}
