import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

@testable import AsyncIORedis

/// Servers that form a cluster: three masters, each with a replica.
final class TestCluster {
    let servers: [RedisServer]
    var url: String { "redis+cluster://127.0.0.1:\(servers[0].port),127.0.0.1:\(servers[1].port)" }

    private init(_ servers: [RedisServer]) { self.servers = servers }

    static func run(_ body: (TestCluster) async throws -> Void) async throws {
        let settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--appendonly", "yes"]
        func start(_ servers: [RedisServer]) async throws {
            guard servers.count == 6 else {
                return try await RedisServer.run(settings, isClusterNode: true) { try await start(servers + [$0]) }
            }
            try await runProgram(
                "redis-cli",
                ["--cluster", "create"] + servers.map { "127.0.0.1:\($0.port)" }
                    + ["--cluster-replicas", "1", "--cluster-yes"])
            let cluster = TestCluster(servers)
            try await eventually {
                for server in servers {
                    guard try await server.cli("CLUSTER", "INFO").contains("cluster_state:ok") else { return false }
                    guard try await server.cli("CLUSTER", "SLOTS").split(separator: "\n").count >= 24 else {
                        return false
                    }
                }
                return true
            }
            try await body(cluster)
        }
        try await start([])
    }

    func server(port: Int) throws -> RedisServer {
        guard let server = servers.first(where: { $0.port == port }) else { throw TestFailure("no server on \(port)") }
        return server
    }
    func id(of server: RedisServer) async throws -> String { try await server.cli("CLUSTER", "MYID") }
}

@Suite(.eventLoop(limit: .seconds(300)), .requires(.redis), .serialized) struct ClusterTests {
    @Test func keysGoToTheServersThatHaveThem() async throws {
        try await TestCluster.run { cluster in
            try await withRedis(cluster.url) { redis in
                for number in 0..<200 { try await redis.set("key:\(number)", number) }
                let tasks = (0..<200).map { number in createTask { try await redis.get("key:\(number)", as: Int.self) }
                }
                for (number, task) in tasks.enumerated() { #expect(try await task.value == number) }
                // Pipelines are split, and their replies put together.
                let replies = try await redis.send((0..<200).map { RedisCommand("GET", "key:\($0)") })
                #expect(try replies.map { try $0.integer } == Array(0..<200))
                let counts = try await redis.sendToAllServers(RedisCommand("DBSIZE")).map { try $0.integer }
                #expect(counts.count == 3 && counts.allSatisfy { $0 > 20 } && counts.reduce(0, +) == 200)
                var keys = 0
                for try await _ in redis.scan() { keys += 1 }
                #expect(keys == 200)

                // Keys with one hash tag are in one slot.
                try await redis.mset(["{user:1}:name": "Ada", "{user:1}:age": 36])
                let user = try await redis.mget(["{user:1}:name", "{user:1}:age"])
                #expect(try user.map { try $0?.string } == ["Ada", "36"])
                let error = await #expect(throws: RedisError.self) { try await redis.mget(["key:1", "key:2"]) }
                #expect(error?.code == .crossSlot)
                #expect(error?.message.contains("key:1 in ") ?? false)

                let script = RedisScript("return redis.call('INCR', KEYS[1])")
                for number in 0..<20 { #expect(try await redis.run(script, keys: ["s\(number)"]).integer == 1) }
                let transaction = try await redis.transaction([
                    RedisCommand("INCR", "{t}:1"), RedisCommand("INCR", "{t}:2"),
                ])
                #expect(transaction == [.integer(1), .integer(1)])
                await #expect(throws: RedisError.self) {
                    _ = try await redis.transaction([RedisCommand("INCR", "a"), RedisCommand("INCR", "b")])
                }
                try await redis.transaction(watching: "{t}:1") { connection in
                    let value = try await connection.get("{t}:1", as: Int.self) ?? 0
                    return [RedisCommand("SET", "{t}:1", value + 10)]
                }
                #expect(try await redis.get("{t}:1", as: Int.self) == 11)

                let news = try await redis.subscribe("news")
                let shards = try await redis.subscribe(sharded: "{a}1", "{a}2")
                let other = try await redis.subscribe(sharded: "b")
                try await redis.publish("news", "n")
                try await redis.publish(sharded: "{a}2", "s")
                try await redis.publish(sharded: "b", "o")
                #expect(try await news.next()?.text == "n")
                #expect(try await shards.next()?.text == "s")
                #expect(try await other.next()?.text == "o")
            }
        }
    }

    @Test func aSlotThatMovesIsFollowed() async throws {
        try await TestCluster.run { cluster in
            try await withRedis(cluster.url) { redis in
                let slot = KeySlot(of: Array("{m}".utf8)).number
                for number in 0..<20 { try await redis.set("{m}:\(number)", number) }
                let sharded = try await redis.subscribe(sharded: "{m}")
                let slots = try await redis.send("CLUSTER", "SLOTS").array
                var source = 0
                var others: [Int] = []
                for range in slots {
                    let parts = try range.array
                    let port = try parts[2].array[1].integer
                    let hasSlot = (try parts[0].integer...(try parts[1].integer)).contains(slot)
                    if hasSlot { source = port } else { others.append(port) }
                }
                let from = try cluster.server(port: source)
                let to = try cluster.server(port: others[0])
                let (fromID, toID) = (try await cluster.id(of: from), try await cluster.id(of: to))
                _ = try await to.cli("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", fromID)
                _ = try await from.cli("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", toID)
                for number in 0..<10 {
                    _ = try await from.cli("MIGRATE", "127.0.0.1", "\(to.port)", "{m}:\(number)", "0", "1000")
                }
                // Half of the keys are on either server; the client is sent on with ASK.
                for number in 0..<20 { #expect(try await redis.get("{m}:\(number)", as: Int.self) == number) }
                let replies = try await redis.send((0..<20).map { RedisCommand("GET", "{m}:\($0)") })
                #expect(try replies.map { try $0.integer } == Array(0..<20))
                for number in 10..<20 {
                    _ = try await from.cli("MIGRATE", "127.0.0.1", "\(to.port)", "{m}:\(number)", "0", "1000")
                }
                for server in cluster.servers {
                    _ = try? await server.cli("CLUSTER", "SETSLOT", "\(slot)", "NODE", toID)
                }
                // MOVED.
                for number in 0..<20 { #expect(try await redis.get("{m}:\(number)", as: Int.self) == number) }
                #expect(try await redis.transaction([RedisCommand("GET", "{m}:3")]) == [.bulkString(Array("3".utf8))])
                try await eventually { try await redis.publish(sharded: "{m}", "there") == 1 }
                #expect(try await sharded.next()?.text == "there")
            }
        }
    }

    @Test func aMasterThatIsKilledIsReplaced() async throws {
        try await TestCluster.run { cluster in
            var configuration = try RedisConfiguration(url: cluster.url)
            configuration.connectTimeout = .milliseconds(500)
            configuration.commandTimeout = .seconds(2)
            try await withRedis(configuration) { redis in
                for number in 0..<30 { try await redis.set("key:\(number)", number) }
                _ = try await redis.sendToAllServers(RedisCommand("WAIT", 1, 1000))
                let port = try await redis.send("CLUSTER", "SLOTS").array[0].array[2].array[1].integer
                try await cluster.server(port: port).kill()
                try await eventually {
                    for number in 0..<30 {
                        guard try await redis.get("key:\(number)", as: Int.self) == number else { return false }
                        try await redis.set("key:\(number)", number)
                    }
                    return true
                }
            }
        }
    }

    @Test func slotsAreThoseOfTheSpecification() {
        func slot(_ key: String) -> Int { KeySlot(of: Array(key.utf8)).number }
        #expect(KeySlot.checksum(Array("123456789".utf8)) == 0x31C3)
        #expect(slot("foo") == 12182)
        #expect(slot("{user1000}.following") == slot("{user1000}.followers"))
        #expect(slot("foo{}{bar}") == Int(KeySlot.checksum(Array("foo{}{bar}".utf8))) % 16384)
        #expect(slot("foo{{bar}}zap") == slot("{bar"))
        #expect(slot("foo{bar}{zap}") == slot("bar"))
        #expect(slot("") == 0)
    }

    @Test func theKeysOfCommandsAreKnown() {
        func keys(_ words: String...) -> [String] {
            RedisCommand(words[0], arguments: Array(words.dropFirst())).keys.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(keys("GET", "a") == ["a"])
        #expect(keys("get", "a") == ["a"])
        #expect(keys("SET", "a", "b") == ["a"])
        #expect(keys("PING") == [])
        #expect(keys("PUBLISH", "c", "m") == [])
        #expect(keys("MSET", "a", "1", "b", "2") == ["a", "b"])
        #expect(keys("DEL", "a", "b") == ["a", "b"])
        #expect(keys("BLPOP", "a", "b", "0") == ["a", "b"])
        #expect(keys("EVAL", "code", "2", "a", "b", "x") == ["a", "b"])
        #expect(keys("EVAL", "code", "0", "x") == [])
        #expect(keys("ZUNIONSTORE", "d", "2", "a", "b", "WEIGHTS") == ["d", "a", "b"])
        #expect(keys("XREAD", "COUNT", "2", "STREAMS", "a", "b", "0", "0") == ["a", "b"])
        #expect(keys("XREADGROUP", "GROUP", "g", "c", "streams", "a", ">") == ["a"])
        #expect(keys("XGROUP", "CREATE", "s", "g", "$") == ["s"])
        #expect(keys("BITOP", "AND", "d", "a", "b") == ["d", "a", "b"])
        #expect(keys("RENAME", "a", "b") == ["a", "b"])
        #expect(keys("CUSTOM.CALL", "a", "b") == ["a"])
    }
}
