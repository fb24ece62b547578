import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

@Suite(.eventLoop(limit: .seconds(300)), .requires(.redis), .serialized) struct SentinelTests {
    @Test func theClientFollowsAFailover() async throws {
        try await TestSentinels.run { sentinels in
            let servers = sentinels.servers
            var configuration = try RedisConfiguration(url: sentinels.url)
            configuration.connectTimeout = .milliseconds(500)
            configuration.connectAttempts = 3
            try await withRedis(configuration) { redis in
                try await redis.set("key", "before")
                let news = try await redis.subscribe("news")
                #expect(try await redis.info("server").contains("tcp_port:\(servers[0].port)"))
                _ = try await redis.send("WAIT", 2, 5000)
                await servers[0].kill()
                try await eventually {
                    try await redis.set("key", "after")
                    return true
                }
                let info = try await redis.info("server")
                #expect(servers[1...].contains { info.contains("tcp_port:\($0.port)") })
                try await eventually { try await redis.publish("news", "still") == 1 }
                #expect(try await news.next()?.text == "still")
                // The old master comes back as a replica. If the new one is too slow, there is another failover.
                try await servers[0].start()
                try await eventually { try await sentinels.roles().sorted() == ["master", "slave", "slave"] }
                try await eventually {
                    try await redis.set("key", "again")
                    return try await redis.get("key")?.string == "again"
                }
            }
        }
    }

    @Test func aMasterThatBecomesAReplicaIsLeft() async throws {
        // A slow server causes no other failover.
        try await TestSentinels.run(patience: 600_000) { sentinels in
            let servers = sentinels.servers
            try await withRedis(sentinels.url) { redis in
                try await redis.set("key", 1)
                let port = sentinels.ports[0]
                _ = try await runProgram("redis-cli", ["-p", "\(port)", "SENTINEL", "FAILOVER", "mymaster"])
                try await eventually {
                    try await servers[0].cli("ROLE").hasPrefix("slave")
                }
                try await eventually {
                    try await redis.set("key", 2)
                    return true
                }
                #expect(try await !redis.info("server").contains("tcp_port:\(servers[0].port)"))
            }
        }
    }

    @Test func anUnknownMasterIsExplained() async throws {
        try await TestSentinels.run { sentinels in
            var configuration = try RedisConfiguration(url: sentinels.url.replacing("mymaster", with: "another"))
            configuration.connectAttempts = 1
            try await withRedis(configuration) { redis in
                let error = await #expect(throws: RedisConnectionError.self) { try await redis.ping() }
                #expect("\(error!)".contains("no Sentinel returned the address of another"))
            }
        }
    }
}
