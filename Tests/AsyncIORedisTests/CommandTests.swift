import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

/// Each typed call, in both versions of the protocol.
@Suite(.eventLoop, .requires(.redis), .serialized) struct CommandTests {
    private func withEachVersion(_ body: (RedisClient) async throws -> Void) async throws {
        try await RedisServer.run { server in
            for version in [2, 3] {
                try await withRedis("\(server.url)?protocol=\(version)") { redis in
                    try await redis.flushDatabase()
                    try await body(redis)
                }
            }
        }
    }

    @Test func strings() async throws {
        try await withEachVersion { redis in
            #expect(try await redis.set("k", "v", if: .ifExists) == false)
            #expect(try await redis.set("k", "v", expiry: .after(.seconds(100)), if: .ifMissing))
            #expect(try await redis.timeToLive("k").map { $0 > .seconds(90) } ?? false)
            #expect(try await redis.set("k", "w", expiry: .keep))
            #expect(try await redis.timeToLive("k") != nil)
            #expect(try await redis.set("k", "w", expiry: .at(milliseconds: 4_102_444_800_000)))
            #expect(try await redis.getSet("k", "x")?.string == "w")
            #expect(try await redis.getExpire("k", after: .seconds(10))?.string == "x")
            #expect(try await redis.getDelete("k")?.string == "x")
            #expect(try await redis.getDelete("k") == nil)
            try await redis.mset(["a": 1, "b": "two", "c": [0] as [UInt8]])
            #expect(try await redis.mget(["a", "z", "b"]).map { try $0?.string } == ["1", nil, "two"])
            #expect(try await redis.increment("n") == 1)
            #expect(try await redis.increment("n", by: -5) == -4)
            #expect(try await redis.increment("f", by: 1.5) == 1.5)
            #expect(try await redis.append("s", "hello") == 5)
            #expect(try await redis.setRange("s", at: 1, "a") == 5)
            #expect(try await redis.strlen("s") == 5)
            #expect(try await redis.getRange("s", 0, -2) == Array("hall".utf8))
        }
    }

    @Test func keys() async throws {
        try await withEachVersion { redis in
            try await redis.mset(["a": 1, "b": 2, "c": 3])
            #expect(try await redis.exists("a", "b", "z") == 2)
            #expect(try await redis.expire("a", after: .milliseconds(1)))
            try await eventually { try await redis.exists("a") == 0 }
            #expect(try await redis.expire("b", atMilliseconds: 4_102_444_800_000))
            #expect(try await redis.persist("b"))
            #expect(try await redis.timeToLive("b") == nil)
            #expect(try await redis.type("b") == "string")
            try await redis.rename("b", to: "d")
            #expect(try await redis.copy("d", to: "e"))
            #expect(try await !redis.copy("d", to: "e"))
            #expect(try await redis.copy("d", to: "e", replace: true))
            #expect(try await Set(redis.keys(matching: "*").map { try $0.string }) == ["c", "d", "e"])
            #expect(try await redis.keyCount() == 3)
            #expect(try await redis.unlink("c") == 1)
            #expect(try await redis.delete("d", "e", "z") == 2)
            #expect(try await redis.delete([]) == 0)
        }
    }

    @Test func hashes() async throws {
        try await withEachVersion { redis in
            // A closure with no other `try` than those in macros would not be known to throw.
            try await redis.ping()
            #expect(try await redis.hset("h", "a", 1))
            #expect(try await !redis.hset("h", "a", 2))
            #expect(try await redis.hset("h", ["b": "x", "c": 3]) == 2)
            #expect(try await !redis.hsetIfMissing("h", "a", 9))
            #expect(try await redis.hget("h", "a")?.integer == 2)
            #expect(try await redis.hget("h", "z") == nil)
            #expect(try await redis.hmget("h", "a", "z").map { try $0?.integer } == [2, nil])
            #expect(try await redis.hgetall("h").count == 3)
            #expect(try await redis.hgetall("h", as: String.self) == ["a": "2", "b": "x", "c": "3"])
            #expect(try await redis.hexists("h", "a"))
            #expect(try await redis.hincrement("h", "a", by: 3) == 5)
            #expect(try await redis.hincrement("h", "a", by: 0.5) == 5.5)
            #expect(try await redis.hkeys("h").count == 3)
            #expect(try await redis.hvals("h").count == 3)
            #expect(try await redis.hdel("h", "a", "z") == 1)
            #expect(try await redis.hlen("h") == 2)
        }
    }

    @Test func lists() async throws {
        try await withEachVersion { redis in
            #expect(try await redis.rpush("l", "a", "b", "c") == 3)
            #expect(try await redis.lpush("l", 0) == 4)
            #expect(try await redis.lrange("l").map { try $0.string } == ["0", "a", "b", "c"])
            #expect(try await redis.lindex("l", -1)?.string == "c")
            #expect(try await redis.lindex("l", 9) == nil)
            try await redis.lset("l", 0, "z")
            #expect(try await redis.lrem("l", "a") == 1)
            try await redis.ltrim("l", 0, 1)
            #expect(try await redis.llen("l") == 2)
            #expect(try await redis.lmove("l", to: "m")?.string == "b")
            #expect(try await redis.lpop("l")?.string == "z")
            #expect(try await redis.lpop("l") == nil)
            #expect(try await redis.rpop("m")?.string == "b")
            try await redis.rpush("m", 1, 2)
            try await redis.withConnection { connection in
                let first = try await connection.blpop("l", "m", timeout: .seconds(1))
                #expect(try first?.key.string == "m" && first?.value.integer == 1)
                #expect(try await connection.brpop("m", timeout: .seconds(1))?.value.integer == 2)
                #expect(try await connection.brpop("m", timeout: .milliseconds(5)) == nil)
            }
        }
    }

    @Test func sets() async throws {
        try await withEachVersion { redis in
            try await redis.ping()
            #expect(try await redis.sadd("s", "a", "b", "c") == 3)
            #expect(try await redis.sadd("t", "b", "d") == 2)
            #expect(try await Set(redis.smembers("s").map { try $0.string }) == ["a", "b", "c"])
            #expect(try await redis.sismember("s", "a"))
            #expect(try await redis.scard("s") == 3)
            #expect(try await redis.sinter("s", "t").map { try $0.string } == ["b"])
            #expect(try await redis.sunion("s", "t").count == 4)
            #expect(try await Set(redis.sdiff("s", "t").map { try $0.string }) == ["a", "c"])
            #expect(try await redis.smove("s", to: "t", "a"))
            #expect(try await redis.srem("s", "b", "z") == 1)
            #expect(try await redis.srandmember("s")?.string == "c")
            #expect(try await redis.spop("s")?.string == "c")
            #expect(try await redis.spop("s") == nil)
        }
    }

    @Test func sortedSets() async throws {
        try await withEachVersion { redis in
            #expect(try await redis.zadd("z", "a", score: 1))
            #expect(try await redis.zadd("z", "b", score: 2.5, if: .ifMissing))
            #expect(try await !redis.zadd("z", "c", score: 3, if: .ifExists))
            #expect(try await redis.zadd("z", "c", score: .infinity))
            #expect(try await redis.zincrement("z", "a", by: 0.25) == 1.25)
            #expect(try await redis.zscore("z", "c") == .infinity)
            #expect(try await redis.zscore("z", "x") == nil)
            #expect(try await redis.zcard("z") == 3)
            #expect(try await redis.zcount("z", 1...2.5) == 2)
            #expect(try await redis.zrank("z", "b") == 1)
            #expect(try await redis.zrank("z", "x") == nil)
            func members(_ all: [RedisScored]) throws -> [String] { try all.map { try $0.member.string } }
            #expect(try members(await redis.zrange("z")) == ["a", "b", "c"])
            #expect(try await redis.zrange("z").map(\.score) == [1.25, 2.5, .infinity])
            #expect(try members(await redis.zrange("z", 0, 0, reversed: true)) == ["c"])
            #expect(try members(await redis.zrange("z", scores: 0...10)) == ["a", "b"])
            #expect(try members(await redis.zrange("z", scores: 0...10, limit: 1)) == ["a"])
            #expect(try await redis.zpopmin("z").first?.score == 1.25)
            #expect(try members(await redis.zpopmax("z", count: 1)) == ["c"])
            try await redis.withConnection { connection in
                let first = try await connection.bzpopmin("z", timeout: .seconds(1))
                #expect(try first?.first.member.string == "b" && first?.first.score == 2.5)
                #expect(try await connection.bzpopmin("z", timeout: .milliseconds(5)) == nil)
            }
            for number in 0..<10 { try await redis.zadd("y", "m\(number)", score: Double(number)) }
            #expect(try await redis.zrem("y", "m9") == 1)
            #expect(try await redis.zrem("y", scores: 5...8) == 4)
            #expect(try await redis.zrem("y", from: 0, through: 1) == 2)
            #expect(try await redis.zcard("y") == 3)
        }
    }

    @Test func streams() async throws {
        try await withEachVersion { redis in
            let first = try await redis.xadd("s", ["a": 1, "b": "x"])
            for number in 0..<20 { try await redis.xadd("s", ["n": number]) }
            #expect(try await redis.xlen("s") == 21)
            let entries = try await redis.xrange("s", count: 2)
            #expect(entries.count == 2 && entries[0].id == first)
            #expect(try entries[0]["a"]?.integer == 1 && entries[0]["b"]?.string == "x")
            #expect(try await redis.xrevrange("s", count: 1)[0]["n"]?.integer == 19)
            #expect(try await redis.xread("s", after: first).count == 20)
            #expect(try await redis.xread("none", after: "0") == [])
            try await redis.withConnection { connection in
                let none = try await connection.xread("s", after: "$", block: .milliseconds(5))
                #expect(none == [])
            }
            #expect(try await redis.xgroupCreate("s", group: "g"))
            #expect(try await !redis.xgroupCreate("s", group: "g"))
            let mine = try await redis.xreadgroup("s", group: "g", consumer: "c", count: 5)
            #expect(mine.count == 5)
            #expect(try await redis.xreadgroup("s", group: "g", consumer: "c", after: "0").count == 5)
            #expect(try await redis.xack("s", group: "g", mine[0].id, mine[1].id) == 2)
            try await sleep(.milliseconds(3))
            let claimed = try await redis.xautoclaim("s", group: "g", consumer: "d", idle: .milliseconds(1))
            #expect(claimed.next == "0-0" && claimed.entries.map(\.id) == mine[2...].map(\.id))
            #expect(try await redis.xdel("s", first) == 1)
            #expect(try await redis.xtrim("s", .exactly(3)) == 17)
            try await redis.xadd("s", ["n": 1], trim: .exactly(2))
            #expect(try await redis.xlen("s") == 2)
            try await redis.xadd("s", ["n": 1], id: "99999999999999-1", trim: .about(1000))
        }
    }

    @Test func serverAndScripts() async throws {
        try await withEachVersion { redis in
            try await redis.ping()
            #expect(try await redis.info("server").contains("redis_version"))
            #expect(try await redis.time() > .seconds(1_700_000_000))
            try await redis.setConfiguration("maxmemory-samples", 7)
            #expect(try await redis.configuration(matching: "maxmemory-s*") == ["maxmemory-samples": "7"])
            #expect(try await redis.eval("return ARGV[1] .. KEYS[1]", keys: ["k"], arguments: [1]).string == "1k")
            #expect(try await redis.send("DEBUG", "PROTOCOL", "double").double == 3.141)
        }
    }
}
