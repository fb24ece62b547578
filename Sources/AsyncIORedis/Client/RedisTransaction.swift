internal import AsyncIO

extension RedisClient {
    /// Executes commands atomically, so that no other client's command comes between them.
    ///
    /// ```swift
    /// let replies = try await redis.transaction([
    ///     RedisCommand("DECRBY", "account:1", 50),
    ///     RedisCommand("INCRBY", "account:2", 50),
    /// ])
    /// ```
    ///
    /// There is no rollback: if a command fails during execution, the others are still executed. In a cluster, all keys
    /// must be in one slot.
    ///
    /// - Parameter commands: The commands. All are sent in one write.
    /// - Returns: The replies, in the order of the commands. An error reply appears as ``RedisValue/error(_:)``.
    /// - Throws: ``RedisError`` if the server does not accept one of the commands (in that case, the server executes
    ///   none of them); the same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `pipeline(transaction=True)`.
    public func transaction(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        if commands.isEmpty { return [] }
        let reply = try await router.sendTogether(Transaction.framed(commands))
        // Without watched keys, a transaction is always executed.
        return try Transaction.replies(to: reply) ?? []
    }

    /// Executes commands atomically if no other client has changed certain keys since `body` read them. Otherwise, this
    /// method runs `body` again.
    ///
    /// ```swift
    /// try await redis.transaction(watching: "stock") { connection in
    ///     let stock = try await connection.get("stock")?.integer ?? 0
    ///     guard stock > 0 else { throw SoldOut() }
    ///     return [RedisCommand("SET", "stock", stock - 1), RedisCommand("RPUSH", "orders", order)]
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - keys: The keys that `body` reads.
    ///   - attempts: The maximum number of times that `body` runs.
    ///   - body: A closure that reads the keys and returns the commands.
    /// - Returns: The replies to the commands.
    /// - Throws: ``RedisConflictError`` if the keys changed during every attempt; the errors of `body`; the same errors
    ///   as ``transaction(_:)``.
    ///
    /// redis-py: `Redis.transaction`.
    @discardableResult
    public func transaction(
        watching keys: any RedisArgument..., attempts: Int = 10,
        _ body: nonisolated(nonsending) (RedisConnection) async throws -> [RedisCommand]
    ) async throws -> [RedisValue] {
        guard attempts >= 1 else { throw ValueError("attempts must be at least 1, got \(attempts)") }
        guard let first = keys.first else { throw ValueError("a transaction needs at least one key to watch") }
        return try await withConnection(for: first) { connection in
            for _ in 0..<attempts {
                try await connection.watch(keys)
                if let replies = try await connection.transaction(body(connection)) { return replies }
            }
            throw RedisConflictError(attempts: attempts)
        }
    }
}

extension RedisConnection {
    /// Watches keys. The next ``transaction(_:)`` is not executed if another client changes one of these keys in the
    /// meantime.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `watch`.
    public func watch(_ keys: any RedisArgument...) async throws { try await watch(keys) }

    func watch(_ keys: [any RedisArgument]) async throws { _ = try await send(RedisCommand("WATCH", arguments: keys)) }

    /// Stops watching all keys.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `unwatch`.
    public func unwatch() async throws { _ = try await send(RedisCommand("UNWATCH")) }

    /// Executes commands atomically, and stops watching all keys.
    ///
    /// - Returns: The replies, in the order of the commands, or `nil` if a watched key has changed. In that case, the
    ///   server executed nothing.
    /// - Throws: The same errors as ``RedisClient/transaction(_:)``.
    ///
    /// redis-py: `pipeline(transaction=True)`.
    public func transaction(_ commands: [RedisCommand]) async throws -> [RedisValue]? {
        if commands.isEmpty {
            try await unwatch()
            return []
        }
        return try Transaction.replies(to: .value(.array(try await send(Transaction.framed(commands)))))
    }
}

/// An error thrown when watched keys changed during every attempt to execute a transaction.
///
/// redis-py: `WatchError`.
public struct RedisConflictError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number of attempts.
    public let attempts: Int
    /// The error as text.
    public var description: String {
        "other clients changed the watched keys during all \(attempts) attempts; try again later, or allow more attempts"
    }
}

/// Commands between `MULTI` and `EXEC`.
enum Transaction {
    static func framed(_ commands: [RedisCommand]) -> [RedisCommand] {
        [RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")]
    }

    /// Returns the replies to the commands, or nil if a watched key has changed.
    static func replies(to reply: RedisReply) throws -> [RedisValue]? {
        switch reply {
        case .failure(let error): throw error
        case .value(let value):
            let values = try value.array
            guard let last = values.last else { throw value.mismatch("the replies to a transaction") }
            if case .error(let error) = last {
                // The reply to the invalid command is more specific than the reply to EXEC.
                for case .error(let cause) in values.dropLast() { throw cause }
                throw error
            }
            return last.isNull ? nil : try last.array
        }
    }
}
