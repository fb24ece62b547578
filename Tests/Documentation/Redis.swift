import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

// The code in the catalog of AsyncIORedis. It is compiled here; AsyncIORedisTests runs the same calls with a server.
enum UsingRedis {
    static func overview() async throws {
        try await withRedis("redis://localhost") { redis in
            try await redis.set("answer", 42)
            print(try await redis.get("answer", as: Int.self) ?? 0)
        }
    }

    static func client() throws {
        let redis = RedisClient(try RedisConfiguration(url: "redis://worker:secret@cache.example/2"))
        _ = redis
    }

    static func commands(_ redis: RedisClient) async throws {
        try await redis.hset("user:1", ["name": "Ada", "born": 1815])
        let born = try await redis.hget("user:1", "born")?.integer
        let idle = try await redis.send("OBJECT", "IDLETIME", "user:1").integer
        _ = (born, idle)
        let user = try await redis.send("HGETALL", "user:1").decode(as: [String: String].self)
        _ = user
        for try await key in redis.scan(match: "user:*") {
            try await redis.expire(key.bytes, after: .seconds(3600))
        }
    }

    static func pipelining(_ redis: RedisClient) async throws {
        let names = try await gather(1...100) { number in
            try await redis.hget("user:\(number)", "name")?.string
        }
        let job = try await redis.withConnection { connection in
            try await connection.blpop("jobs", timeout: .seconds(5))?.value.string
        }
        _ = (names, job)
    }

    static func errors(_ redis: RedisClient) async throws {
        do {
            try await redis.increment("visits")
        } catch let error as RedisConnectionError where !error.mayHaveBeenExecuted {
            // It is safe to try again.
            try await redis.increment("visits")
        }
    }

    static func transactions(_ redis: RedisClient) async throws {
        let balances = try await redis.transaction([
            RedisCommand("DECRBY", "account:1", 50),
            RedisCommand("INCRBY", "account:2", 50),
        ])
        try await redis.transaction(watching: "stock") { connection in
            let stock = try await connection.get("stock", as: Int.self) ?? 0
            return [RedisCommand("SET", "stock", stock - 1)]
        }
        let takeIfEqual = RedisScript(
            """
            if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
            return 0
            """)
        let count = try await redis.run(takeIfEqual, keys: ["owner"], arguments: ["me"]).integer
        _ = (balances, count)
    }

    static func subscriptions(_ redis: RedisClient) async throws {
        let news = try await redis.subscribe("news", "weather")
        for try await message in news {
            print(message.channel, message.text)
        }
    }
}
