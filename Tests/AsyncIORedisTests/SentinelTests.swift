import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

@Suite(.eventLoop(limit: .seconds(300)), .requires(.redis), .serialized) struct SentinelTests {
    /// A master with two replicas, and three Sentinels that watch over them.
    private func withSentinels(
        _ body: (_ servers: [RedisServer], _ url: String) async throws -> Void
    ) async throws {
        try await RedisServer.run { master in
            let replication = ["--replicaof", "127.0.0.1 \(master.port)"]
            try await RedisServer.run(replication) { first in
                try await RedisServer.run(replication) { second in
                    try await withFolder { folder in
                        var sentinels: [AsyncSubprocess] = []
                        var ports: [Int] = []
                        for number in 0..<3 {
                            let port = try await freePort()
                            let file = "\(folder)/sentinel\(number).conf"
                            try await writeFile(
                                file,
                                """
                                port \(port)
                                bind 127.0.0.1
                                dir \(folder)
                                sentinel monitor mymaster 127.0.0.1 \(master.port) 2
                                sentinel down-after-milliseconds mymaster 500
                                sentinel failover-timeout mymaster 3000
                                sentinel parallel-syncs mymaster 1

                                """)
                            sentinels.append(
                                try await createSubprocess(
                                    "redis-server", arguments: [file, "--sentinel"], stdout: .devNull, stderr: .devNull)
                            )
                            ports.append(port)
                        }
                        func end() async {
                            for sentinel in sentinels {
                                try? sentinel.kill()
                                _ = try? await sentinel.wait()
                            }
                        }
                        do {
                            for port in ports {
                                try await eventually {
                                    let text = try await runProgram(
                                        "redis-cli", ["-p", "\(port)", "SENTINEL", "MASTER", "mymaster"])
                                    let words = text.split(separator: "\n").map(String.init)
                                    func value(_ name: String) -> String? {
                                        words.firstIndex(of: name).map { words[$0 + 1] }
                                    }
                                    return value("num-slaves") == "2" && value("num-other-sentinels") == "2"
                                }
                            }
                            let list = ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
                            try await body([master, first, second], "redis+sentinel://\(list)/mymaster/0")
                        } catch {
                            await end()
                            throw error
                        }
                        await end()
                    }
                }
            }
        }
    }

    @Test func theClientFollowsAFailover() async throws {
        try await withSentinels { servers, url in
            var configuration = try RedisConfiguration(url: url)
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
                // The old master comes back as a replica.
                try await servers[0].start()
                try await eventually { try await servers[0].cli("ROLE").hasPrefix("slave") }
                try await redis.set("key", "again")
                #expect(try await redis.get("key")?.string == "again")
            }
        }
    }

    @Test func aMasterThatBecomesAReplicaIsLeft() async throws {
        try await withSentinels { servers, url in
            try await withRedis(url) { redis in
                try await redis.set("key", 1)
                let sentinel = url.split(separator: "/")[1].split(separator: ",")[0].split(separator: ":")[1]
                _ = try await runProgram("redis-cli", ["-p", "\(sentinel)", "SENTINEL", "FAILOVER", "mymaster"])
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
        try await withSentinels { _, url in
            var configuration = try RedisConfiguration(url: url.replacing("mymaster", with: "another"))
            configuration.connectAttempts = 1
            try await withRedis(configuration) { redis in
                let error = await #expect(throws: RedisConnectionError.self) { try await redis.ping() }
                #expect("\(error!)".contains("no Sentinel returned the address of another"))
            }
        }
    }
}
