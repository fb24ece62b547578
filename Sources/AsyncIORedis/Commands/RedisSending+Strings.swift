/// The condition under which a value is set.
public enum RedisCondition: String, Sendable, Hashable {
    /// The value is set only if the key does not exist.
    case ifMissing = "NX"
    /// The value is set only if the key exists.
    case ifExists = "XX"
}

/// The time at which a key expires.
public enum RedisExpiry: Sendable, Hashable {
    /// The key expires after a duration, which is rounded to milliseconds.
    case after(Duration)
    /// The key expires at the given time, in milliseconds since 1970.
    case at(milliseconds: Int)
    /// The key keeps its current expiry time.
    case keep

    func append(to command: inout RedisCommand) {
        switch self {
        case .after(let duration):
            command.append("PX")
            command.append(duration.redisMilliseconds)
        case .at(let milliseconds):
            command.append("PXAT")
            command.append(milliseconds)
        case .keep: command.append("KEEPTTL")
        }
    }
}

extension Duration {
    /// The duration in milliseconds, at least 1, as the server requires.
    var redisMilliseconds: Int {
        max(1, milliseconds)
    }
}

// Strings: bytes, which can also represent numbers.
extension RedisSending {
    /// Returns the value of a key, or `nil` if the key does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `get`.
    @inlinable
    public func get(_ key: some RedisArgument) async throws -> RedisValue? {
        let value = try await send(RedisCommand("GET", key))
        return value.isNull ? nil : value
    }

    /// Returns the value of a key as another type, or `nil` if the key does not exist.
    ///
    /// - Throws: ``RedisTypeError`` if the value cannot be converted; the same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `get`.
    @inlinable
    public func get<T: RedisDecodable>(_ key: some RedisArgument, as type: T.Type) async throws -> T? {
        try await get(key)?.decode(as: type)
    }

    /// Sets the value of a key.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `set`.
    @inlinable
    public func set(_ key: some RedisArgument, _ value: some RedisArgument) async throws {
        _ = try await send(RedisCommand("SET", key, value))
    }

    /// Sets the value of a key, with an optional expiry time and condition.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - value: The value.
    ///   - expiry: When the key expires, or `nil` for never.
    ///   - condition: When to set the value, or `nil` for always.
    /// - Returns: Whether the value was set.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `set`.
    @discardableResult
    public func set(
        _ key: some RedisArgument, _ value: some RedisArgument, expiry: RedisExpiry?,
        if condition: RedisCondition? = nil
    ) async throws -> Bool {
        var command = RedisCommand("SET", key, value)
        expiry?.append(to: &command)
        if let condition { command.append(condition.rawValue) }
        return try await !send(command).isNull
    }

    /// Sets the value of a key only if the key exists, or only if it does not exist.
    ///
    /// - Returns: Whether the value was set.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `set`.
    public func set(
        _ key: some RedisArgument, _ value: some RedisArgument, if condition: RedisCondition
    ) async throws -> Bool { try await set(key, value, expiry: nil, if: condition) }

    /// Sets the value of a key, and returns the old value.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `set(get=True)`.
    public func getSet(_ key: some RedisArgument, _ value: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("SET", key, value, "GET")).nonNull
    }

    /// Returns the value of a key, and removes the key.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `getdel`.
    public func getDelete(_ key: some RedisArgument) async throws -> RedisValue? {
        try await send(RedisCommand("GETDEL", key)).nonNull
    }

    /// Returns the value of a key, and makes the key expire after a duration.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `getex`.
    public func getExpire(_ key: some RedisArgument, after duration: Duration) async throws -> RedisValue? {
        try await send(RedisCommand("GETEX", key, "PX", duration.redisMilliseconds)).nonNull
    }

    /// Returns the values of several keys, with `nil` for keys that do not exist. In a cluster, all keys must be in one
    /// slot.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `mget`.
    public func mget(_ keys: [any RedisArgument]) async throws -> [RedisValue?] {
        if keys.isEmpty { return [] }
        return try await send(RedisCommand("MGET", arguments: keys)).array.map(\.nonNull)
    }

    /// Sets the values of several keys in one step. In a cluster, all keys must be in one slot.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `mset`.
    public func mset(_ pairs: KeyValuePairs<String, any RedisArgument>) async throws {
        if pairs.isEmpty { return }
        var command = RedisCommand("MSET")
        for (key, value) in pairs {
            command.append(key)
            value.append(to: &command)
        }
        _ = try await send(command)
    }

    /// Increments the number in a key's value by an amount. A key that does not exist counts as 0.
    ///
    /// - Returns: The new number.
    /// - Throws: ``RedisError`` if the value is not an integer; the same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `incrby`.
    @discardableResult
    public func increment(_ key: some RedisArgument, by amount: Int = 1) async throws -> Int {
        try await send(RedisCommand("INCRBY", key, amount)).integer
    }

    /// Increments the number in a key's value by an amount. A key that does not exist counts as 0.
    ///
    /// - Returns: The new number.
    /// - Throws: ``RedisError`` if the value is not a number; the same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `incrbyfloat`.
    @discardableResult
    public func increment(_ key: some RedisArgument, by amount: Double) async throws -> Double {
        try await send(RedisCommand("INCRBYFLOAT", key, amount)).double
    }

    /// Appends bytes to the value of a key.
    ///
    /// - Returns: The new size in bytes.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `append`.
    @discardableResult
    public func append(_ key: some RedisArgument, _ value: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("APPEND", key, value)).integer
    }

    /// Returns the size of a key's value in bytes, or 0 if the key does not exist.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `strlen`.
    public func strlen(_ key: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("STRLEN", key)).integer
    }

    /// Returns part of the value of a key.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - first: The first position. A negative position counts from the end.
    ///   - last: The last position, which is included. A negative position counts from the end.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `getrange`.
    public func getRange(_ key: some RedisArgument, _ first: Int, _ last: Int) async throws -> [UInt8] {
        try await send(RedisCommand("GETRANGE", key, first, last)).bytes
    }

    /// Replaces part of the value of a key.
    ///
    /// - Returns: The new size in bytes.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `setrange`.
    @discardableResult
    public func setRange(_ key: some RedisArgument, at offset: Int, _ value: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("SETRANGE", key, offset, value)).integer
    }
}

extension RedisValue {
    /// The value, or nil if it is null.
    var nonNull: RedisValue? { isNull ? nil : self }
}
