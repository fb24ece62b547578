import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

@Suite(.eventLoop, .requires(.redis), .serialized) struct TransactionTests {
    private func withRedisOfEachVersion(_ body: (RedisClient) async throws -> Void) async throws {
        try await RedisServer.run { server in
            for version in [2, 3] {
                try await withRedis("\(server.url)?protocol=\(version)") { redis in
                    try await redis.flushDatabase()
                    try await body(redis)
                }
            }
        }
    }

    @Test func aTransactionIsOneStep() async throws {
        try await withRedisOfEachVersion { redis in
            let tasks = (0..<20).map { number in
                createTask {
                    try await redis.transaction([
                        RedisCommand("INCR", "a"), RedisCommand("INCR", "b"), RedisCommand("ECHO", number),
                    ])
                }
            }
            for (number, task) in tasks.enumerated() {
                let replies = try await task.value
                #expect(replies[0] == replies[1])
                #expect(try replies[2].integer == number)
            }
            #expect(try await redis.transaction([]) == [])
        }
    }

    @Test func aWrongCommandAbortsTheTransaction() async throws {
        try await withRedisOfEachVersion { redis in
            let error = await #expect(throws: RedisError.self) {
                _ = try await redis.transaction([RedisCommand("SET", "k", 1), RedisCommand("NONSENSE")])
            }
            #expect(error?.message.hasPrefix("unknown command 'NONSENSE'") ?? false)
            #expect(try await redis.get("k") == nil)
            // An error of execution does not.
            let replies = try await redis.transaction([RedisCommand("SET", "k", 1), RedisCommand("LPUSH", "k", 2)])
            #expect(replies[0] == .simpleString("OK"))
            guard case .error(let wrong) = replies[1] else { throw TestFailure("\(replies)") }
            #expect(wrong.code == .wrongType)
        }
    }

    @Test func watchedKeysAreReadAgainAfterAConflict() async throws {
        try await withRedisOfEachVersion { redis in
            try await redis.set("stock", 100)
            let tasks = (0..<10).map { _ in
                createTask {
                    try await redis.transaction(watching: "stock", attempts: 100) { connection in
                        let stock = try await connection.get("stock", as: Int.self) ?? 0
                        try await sleep(.zero)
                        return [RedisCommand("SET", "stock", stock - 1)]
                    }
                }
            }
            for task in tasks { _ = try await task.value }
            #expect(try await redis.get("stock", as: Int.self) == 90)
            await #expect(throws: RedisConflictError.self) {
                try await redis.transaction(watching: "stock", attempts: 2) { _ in
                    try await redis.increment("stock")
                    return [RedisCommand("SET", "stock", 0)]
                }
            }
            #expect(try await redis.get("stock", as: Int.self) == 92)
        }
    }

    @Test func aConnectionThatIsLeftWithWatchedKeysIsNotUsedAgain() async throws {
        try await withRedisOfEachVersion { redis in
            let first = try await redis.withConnection { connection in
                try await connection.watch("key")
                return try await connection.send("CLIENT", "ID").integer
            }
            let second = try await redis.withConnection { try await $0.send("CLIENT", "ID").integer }
            #expect(second != first)
            let ids = try await redis.send("CLIENT", "LIST").string.split(separator: "\n").map { line in
                Int(line.split(separator: " ")[0].dropFirst(3)) ?? 0
            }
            #expect(!ids.contains(first))
        }
    }

    @Test func severalCommandsInOneCallAreAnsweredInOrder() async throws {
        try await withRedisOfEachVersion { redis in
            let replies = try await redis.send(
                (0..<1000).map { RedisCommand("ECHO", $0) } + [RedisCommand("LPUSH"), RedisCommand("PING")])
            #expect(replies.count == 1002)
            #expect(try replies[..<1000].map { try $0.integer } == Array(0..<1000))
            guard case .error = replies[1000] else { throw TestFailure("\(replies[1000])") }
            #expect(replies[1001] == .simpleString("PONG"))
        }
    }
}

@Suite(.eventLoop, .requires(.redis), .serialized) struct ScanTests {
    @Test func everyElementIsReturned() async throws {
        try await RedisServer.run { server in
            for version in [2, 3] {
                try await withRedis("\(server.url)?protocol=\(version)") { redis in
                    try await redis.flushDatabase()
                    _ = try await redis.send((0..<1000).map { RedisCommand("SET", "key:\($0)", $0) })
                    _ = try await redis.send((0..<1000).map { RedisCommand("HSET", "hash", "f\($0)", $0) })
                    _ = try await redis.send((0..<1000).map { RedisCommand("SADD", "set", "m\($0)") })
                    _ = try await redis.send((0..<1000).map { RedisCommand("ZADD", "zset", $0, "m\($0)") })
                    var keys: Set<String> = []
                    for try await key in redis.scan(match: "key:*", count: 50, type: "string") {
                        keys.insert(try key.string)
                    }
                    #expect(keys == Set((0..<1000).map { "key:\($0)" }))
                    var fields: [String: Int] = [:]
                    for try await pair in redis.scanHash("hash") {
                        fields[try pair.key.string] = try pair.value.integer
                    }
                    #expect(fields == Dictionary(uniqueKeysWithValues: (0..<1000).map { ("f\($0)", $0) }))
                    var members: Set<String> = []
                    for try await member in redis.scanSet("set", match: "m*", count: 10) {
                        members.insert(try member.string)
                    }
                    #expect(members.count == 1000)
                    var scores: [String: Double] = [:]
                    for try await member in redis.scanSortedSet("zset") {
                        scores[try member.member.string] = member.score
                    }
                    #expect(scores == Dictionary(uniqueKeysWithValues: (0..<1000).map { ("m\($0)", Double($0)) }))
                    var none = 0
                    for try await _ in redis.scan(match: "nothing") { none += 1 }
                    #expect(none == 0)
                }
            }
        }
    }
}
