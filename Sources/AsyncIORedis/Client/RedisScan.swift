internal import AsyncIO

/// The keys of a server, or the elements of a large value, which the server returns in batches.
///
/// ```swift
/// for try await key in redis.scan(match: "user:*") { print(try key.string) }
/// ```
///
/// Elements that exist during the entire scan are returned at least once. Elements that are added or removed during the
/// scan may or may not be returned, and an element can be returned several times. The server gives no stronger
/// guarantee. The scan does not block the server.
///
/// redis-py: `scan_iter`, `hscan_iter`, `sscan_iter`, `zscan_iter`.
public struct RedisScan<Element>: AsyncSequence {
    /// Iterating throws the same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public typealias Failure = any Error

    typealias Send = nonisolated(nonsending) (RedisCommand) async throws -> RedisValue

    /// The servers to ask, one after another.
    let servers: nonisolated(nonsending) () async throws -> [Send]
    /// The part of the command before the cursor, and the arguments after the cursor.
    let command: RedisCommand
    let rest: RedisCommand
    /// Creates the elements from a batch.
    let elements: ([RedisValue]) throws -> [Element]

    /// Returns an iterator that starts from the beginning.
    public func makeAsyncIterator() -> Iterator { Iterator(scan: self) }

    /// An iterator that requests one batch after another.
    public struct Iterator: AsyncIteratorProtocol {
        /// Iterating throws the same errors as ``RedisClient/send(_:)-(RedisCommand)``.
        public typealias Failure = any Error

        private let scan: RedisScan
        private var servers: [Send]?
        private var cursor = "0"
        private var portion: [Element] = []
        private var position = 0

        init(scan: RedisScan) { self.scan = scan }

        /// Returns the next element, or `nil` at the end.
        ///
        /// - Throws: The same errors as ``RedisSending/send(_:)-(RedisCommand)``, including `CancellationError` if the
        ///   task is cancelled.
        public mutating func next() async throws -> Element? {
            while position == portion.count {
                if servers == nil { servers = try await scan.servers() }
                guard let server = servers?.first else { return nil }
                var command = scan.command
                command.append(cursor)
                command.append(contentsOf: scan.rest.words)
                let reply = try await server(command).array
                guard reply.count == 2 else { throw RedisValue.array(reply).mismatch("a cursor and elements") }
                cursor = try reply[0].string
                portion = try scan.elements(try reply[1].array)
                position = 0
                if cursor == "0" { servers?.removeFirst() }
            }
            position += 1
            return portion[position - 1]
        }

        /// Returns the next element; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? { try await next() }
    }
}

extension RedisScan {
    /// Returns the arguments for the options of a scan.
    static func options(match: String?, count: Int?, type: String? = nil) -> RedisCommand {
        var options = RedisCommand()
        if let match {
            options.append("MATCH")
            options.append(match)
        }
        if let count {
            options.append("COUNT")
            options.append(count)
        }
        if let type {
            options.append("TYPE")
            options.append(type)
        }
        return options
    }
}

extension RedisClient {
    /// Returns all keys that match a pattern. In a cluster, the result includes the keys of all servers.
    ///
    /// - Parameters:
    ///   - match: The pattern, such as `user:*`, or `nil` for all keys.
    ///   - count: The number of keys that the server examines for each batch, or `nil` for its default, which is 10.
    ///   - type: The type of the values, such as `hash`, or `nil` for all types.
    ///
    /// redis-py: `scan_iter`.
    public func scan(match: String? = nil, count: Int? = nil, type: String? = nil) -> RedisScan<RedisValue> {
        let router = self.router
        return RedisScan(
            servers: {
                try await router.masters().map { node in
                    { command in
                        switch try await node.send(command) {
                        case .value(.error(let error)): throw error
                        case .value(let value): return value
                        case .failure(let error): throw error
                        }
                    }
                }
            }, command: RedisCommand("SCAN"),
            rest: RedisScan<RedisValue>.options(match: match, count: count, type: type),
            elements: { $0 })
    }

    /// Sends a command to every server that has keys: to the only server, or to all masters of a cluster.
    ///
    /// - Returns: The replies.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    public func sendToAllServers(_ command: RedisCommand) async throws -> [RedisValue] {
        var replies: [RedisValue] = []
        for node in try await router.masters() {
            switch try await node.send(command) {
            case .value(.error(let error)): throw error
            case .value(let value): replies.append(value)
            case .failure(let error): throw error
            }
        }
        return replies
    }
}

extension RedisSending {
    private func scan<Element>(
        _ name: String, _ key: some RedisArgument, _ match: String?, _ count: Int?,
        _ elements: @escaping ([RedisValue]) throws -> [Element]
    ) -> RedisScan<Element> {
        let send: RedisScan<Element>.Send = { try await self.send($0) }
        return RedisScan(
            servers: { [send] }, command: RedisCommand(name, key),
            rest: RedisScan<Element>.options(match: match, count: count), elements: elements)
    }

    private static func pairs(_ values: [RedisValue]) throws -> [RedisPair] { try RedisValue.array(values).map }

    /// Returns the members of a set; see ``RedisScan``.
    ///
    /// - Parameters:
    ///   - key: The key of the set.
    ///   - match: A pattern for the members, or `nil` for all.
    ///   - count: The number of members that the server examines for each batch, or `nil` for its default.
    ///
    /// redis-py: `sscan_iter`.
    public func scanSet(
        _ key: some RedisArgument, match: String? = nil, count: Int? = nil
    ) -> RedisScan<RedisValue> { scan("SSCAN", key, match, count) { $0 } }

    /// Returns the fields of a hash and their values; see ``RedisScan``.
    ///
    /// - Parameters:
    ///   - key: The key of the hash.
    ///   - match: A pattern for the fields, or `nil` for all.
    ///   - count: The number of fields that the server examines for each batch, or `nil` for its default.
    ///
    /// redis-py: `hscan_iter`.
    public func scanHash(
        _ key: some RedisArgument, match: String? = nil, count: Int? = nil
    ) -> RedisScan<RedisPair> { scan("HSCAN", key, match, count, Self.pairs) }

    /// Returns the members of a sorted set and their scores, in no particular order; see ``RedisScan``.
    ///
    /// - Parameters:
    ///   - key: The key of the sorted set.
    ///   - match: A pattern for the members, or `nil` for all.
    ///   - count: The number of members that the server examines for each batch, or `nil` for its default.
    ///
    /// redis-py: `zscan_iter`.
    public func scanSortedSet(
        _ key: some RedisArgument, match: String? = nil, count: Int? = nil
    ) -> RedisScan<RedisScored> {
        scan("ZSCAN", key, match, count) { values in
            try Self.pairs(values).map { RedisScored(member: $0.key, score: try $0.value.double) }
        }
    }
}

/// A member of a sorted set and its score.
public struct RedisScored: Sendable, Hashable {
    /// The member.
    public var member: RedisValue
    /// The score.
    public var score: Double

    /// Creates a pair.
    public init(member: RedisValue, score: Double) {
        self.member = member
        self.score = score
    }
}
