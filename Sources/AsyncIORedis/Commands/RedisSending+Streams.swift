/// An entry of a stream.
public struct RedisStreamEntry: Sendable, Hashable {
    /// The identifier, such as `1526919030474-0`.
    public var id: String
    /// The fields, in order. An entry that has been deleted has no fields.
    public var fields: [RedisPair]

    /// Creates an entry.
    public init(id: String, fields: [RedisPair]) {
        self.id = id
        self.fields = fields
    }

    /// The value of a field, or `nil` if the entry does not have this field.
    public subscript(field: String) -> RedisValue? {
        let name = Array(field.utf8)
        return fields.first { (try? $0.key.bytes) == name }?.value
    }

    init(_ value: RedisValue) throws {
        let parts = try value.array
        guard parts.count == 2 else { throw value.mismatch("an entry of a stream") }
        id = try parts[0].string
        fields = parts[1].isNull ? [] : try parts[1].map
    }
}

/// The maximum length of a stream.
public enum RedisTrim: Sendable, Hashable {
    /// Approximately the given number of entries. The server trims the stream when trimming is cheap.
    case about(Int)
    /// Exactly the given number of entries.
    case exactly(Int)

    func append(to command: inout RedisCommand) {
        command.append("MAXLEN")
        switch self {
        case .about(let count):
            command.append("~")
            command.append(count)
        case .exactly(let count):
            command.append("=")
            command.append(count)
        }
    }
}

// Streams: logs of entries that groups of consumers can share.
extension RedisSending {
    /// Appends an entry to a stream.
    ///
    /// - Parameters:
    ///   - key: The key of the stream.
    ///   - fields: The fields of the entry. At least one is required.
    ///   - id: The identifier, or `*` to let the server choose one.
    ///   - trim: The maximum length of the stream, or `nil` for no limit.
    /// - Returns: The identifier.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xadd`.
    @discardableResult
    public func xadd(
        _ key: some RedisArgument, _ fields: KeyValuePairs<String, any RedisArgument>, id: String = "*",
        trim: RedisTrim? = nil
    ) async throws -> String {
        var command = RedisCommand("XADD", key)
        trim?.append(to: &command)
        command.append(id)
        for (field, value) in fields {
            command.append(field)
            value.append(to: &command)
        }
        return try await send(command).string
    }

    /// Returns the number of entries in a stream.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xlen`.
    public func xlen(_ key: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("XLEN", key)).integer
    }

    /// Returns the entries with identifiers from `first` through `last`.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xrange`.
    public func xrange(
        _ key: some RedisArgument, from first: String = "-", through last: String = "+", count: Int? = nil
    ) async throws -> [RedisStreamEntry] {
        var command = RedisCommand("XRANGE", key, first, last)
        command.appendCount(count)
        return try await send(command).entries
    }

    /// Returns the entries with identifiers from `first` through `last`, in reverse order.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xrevrange`.
    public func xrevrange(
        _ key: some RedisArgument, from last: String = "+", through first: String = "-", count: Int? = nil
    ) async throws -> [RedisStreamEntry] {
        var command = RedisCommand("XREVRANGE", key, last, first)
        command.appendCount(count)
        return try await send(command).entries
    }

    /// Returns the entries of a stream after an identifier.
    ///
    /// - Parameters:
    ///   - key: The key of the stream.
    ///   - id: The identifier, or `$` for entries that are appended from now on.
    ///   - count: The maximum number of entries to return, or `nil` for all.
    ///   - block: How long to wait for an entry, or `nil` to return at once. Use a separate connection for a call that
    ///     waits; see ``RedisClient/withConnection(for:_:)``.
    /// - Returns: The entries, or an empty array if the time limit was reached.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xread`.
    public func xread(
        _ key: some RedisArgument, after id: String, count: Int? = nil, block: Duration? = nil
    ) async throws -> [RedisStreamEntry] {
        var command = RedisCommand("XREAD")
        command.appendCount(count)
        command.appendBlock(block)
        command.append("STREAMS")
        command.append(key)
        command.append(id)
        return try await send(command).entriesOfOneStream
    }

    /// Creates a group of consumers. If the stream does not exist, the server creates it.
    ///
    /// - Parameters:
    ///   - key: The key of the stream.
    ///   - group: The name of the group.
    ///   - id: The identifier after which the group begins: `0` for all entries, `$` for future entries.
    /// - Returns: Whether the group is new.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xgroup_create`.
    @discardableResult
    public func xgroupCreate(
        _ key: some RedisArgument, group: some RedisArgument, after id: String = "0"
    ) async throws -> Bool {
        do {
            _ = try await send(RedisCommand("XGROUP", "CREATE", key, group, id, "MKSTREAM"))
            return true
        } catch let error as RedisError where error.code == .busyGroup {
            return false
        }
    }

    /// Returns entries that no consumer of a group has received yet, or the consumer's own unacknowledged entries.
    ///
    /// - Parameters:
    ///   - key: The key of the stream.
    ///   - group: The name of the group.
    ///   - consumer: The name of the consumer.
    ///   - id: `>` for new entries, or the identifier after which to return the consumer's unacknowledged entries.
    ///   - count: The maximum number of entries to return, or `nil` for all.
    ///   - block: How long to wait for an entry, or `nil` to return at once. Use a separate connection for a call that
    ///     waits; see ``RedisClient/withConnection(for:_:)``.
    /// - Returns: The entries, or an empty array if the time limit was reached.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xreadgroup`.
    public func xreadgroup(
        _ key: some RedisArgument, group: some RedisArgument, consumer: some RedisArgument, after id: String = ">",
        count: Int? = nil, block: Duration? = nil
    ) async throws -> [RedisStreamEntry] {
        var command = RedisCommand("XREADGROUP", "GROUP", group, consumer)
        command.appendCount(count)
        command.appendBlock(block)
        command.append("STREAMS")
        command.append(key)
        command.append(id)
        return try await send(command).entriesOfOneStream
    }

    /// Acknowledges entries, so that the group no longer stores them as pending.
    ///
    /// - Returns: The number of entries that had not been acknowledged before.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xack`.
    @discardableResult
    public func xack(_ key: some RedisArgument, group: some RedisArgument, _ ids: String...) async throws -> Int {
        var command = RedisCommand("XACK", key, group)
        command.append(contentsOf: ids)
        return try await send(command).integer
    }

    /// Assigns to a consumer the entries that other consumers have not acknowledged for some time.
    ///
    /// - Parameters:
    ///   - key: The key of the stream.
    ///   - group: The name of the group.
    ///   - consumer: The name of the consumer.
    ///   - idle: The minimum time for which an entry must have been unacknowledged.
    ///   - start: The identifier to begin with.
    ///   - count: The number of entries to examine.
    /// - Returns: The identifier to continue with, which is `0-0` at the end, and the entries.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xautoclaim`.
    public func xautoclaim(
        _ key: some RedisArgument, group: some RedisArgument, consumer: some RedisArgument, idle: Duration,
        from start: String = "0-0", count: Int = 100
    ) async throws -> (next: String, entries: [RedisStreamEntry]) {
        let reply = try await send(
            RedisCommand("XAUTOCLAIM", key, group, consumer, idle.redisMilliseconds, start, "COUNT", count))
        let parts = try reply.array
        guard parts.count >= 2 else { throw reply.mismatch("an identifier and entries") }
        return (try parts[0].string, try parts[1].entries)
    }

    /// Removes entries.
    ///
    /// - Returns: The number of entries that existed.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xdel`.
    @discardableResult
    public func xdel(_ key: some RedisArgument, _ ids: String...) async throws -> Int {
        var command = RedisCommand("XDEL", key)
        command.append(contentsOf: ids)
        return try await send(command).integer
    }

    /// Removes the oldest entries.
    ///
    /// - Returns: The number of removed elements.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `xtrim`.
    @discardableResult
    public func xtrim(_ key: some RedisArgument, _ trim: RedisTrim) async throws -> Int {
        var command = RedisCommand("XTRIM", key)
        trim.append(to: &command)
        return try await send(command).integer
    }
}

extension RedisCommand {
    fileprivate mutating func appendCount(_ count: Int?) {
        guard let count else { return }
        append("COUNT")
        append(count)
    }

    /// Appends the time for which the server waits, and extends the time limit for the reply accordingly.
    fileprivate mutating func appendBlock(_ block: Duration?) {
        guard let block else { return }
        append("BLOCK")
        append(block.redisMilliseconds)
        timeLimit = .none
    }
}

extension RedisValue {
    /// The entries of a stream.
    var entries: [RedisStreamEntry] {
        get throws { try array.filter { !$0.isNull }.map(RedisStreamEntry.init) }
    }

    /// The entries in the reply to a command that reads one stream: a map in RESP3, or an array of pairs in RESP2.
    var entriesOfOneStream: [RedisStreamEntry] {
        get throws {
            switch self {
            case .null: return []
            case .map(let pairs): return try pairs.first?.value.entries ?? []
            default:
                guard let stream = try array.first else { return [] }
                let parts = try stream.array
                guard parts.count == 2 else { throw stream.mismatch("a stream and its entries") }
                return try parts[1].entries
            }
        }
    }
}
