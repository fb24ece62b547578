// The server.
extension RedisSending {
    /// Sends a ping to the server and waits for the answer.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `ping`.
    public func ping() async throws { _ = try await send(RedisCommand("PING")) }

    /// Returns information about the server, as text.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `info`.
    public func info(_ section: String? = nil) async throws -> String {
        var command = RedisCommand("INFO")
        if let section { command.append(section) }
        return try await send(command).string
    }

    /// Returns the number of keys on one server.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `dbsize`.
    public func keyCount() async throws -> Int { try await send(RedisCommand("DBSIZE")).integer }

    /// Removes all keys from the database of one server.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `flushdb`.
    public func flushDatabase() async throws { _ = try await send(RedisCommand("FLUSHDB")) }

    /// Returns the time on the server's clock, as the duration since 1970.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `time`.
    public func time() async throws -> Duration {
        let reply = try await send(RedisCommand("TIME"))
        let parts = try reply.array
        guard parts.count == 2 else { throw reply.mismatch("seconds and microseconds") }
        return .seconds(try parts[0].integer) + .microseconds(try parts[1].integer)
    }

    /// Returns the server's settings whose names match a pattern.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `config_get`.
    public func configuration(matching pattern: String) async throws -> [String: String] {
        try await send(RedisCommand("CONFIG", "GET", pattern)).decode()
    }

    /// Changes a setting of the server.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `config_set`.
    public func setConfiguration(_ name: String, _ value: some RedisArgument) async throws {
        _ = try await send(RedisCommand("CONFIG", "SET", name, value))
    }
}
