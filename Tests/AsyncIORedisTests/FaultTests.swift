import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

/// The server stops, crashes, is full, or is a replica.
@Suite(.eventLoop, .requires(.redis), .serialized) struct RedisFaultTests {
    private func quick(_ server: RedisServer) throws -> RedisConfiguration {
        var configuration = try RedisConfiguration(url: server.url)
        configuration.commandTimeout = .milliseconds(300)
        configuration.connectTimeout = .milliseconds(300)
        configuration.backoff = Backoff(initial: .milliseconds(5), maximum: .milliseconds(50), jitter: 0.5)
        return configuration
    }

    @Test func aServerThatHangsLeadsToATimeout() async throws {
        try await RedisServer.run { server in
            try await withRedis(quick(server)) { redis in
                try await redis.set("key", 1)
                server.send(SIGSTOP)
                let tasks = (0..<5).map { _ in createTask { try await redis.increment("key") } }
                for task in tasks {
                    let error = await #expect(throws: RedisTimeoutError.self) { try await task.value }
                    #expect(error?.mayHaveBeenExecuted == true)
                }
                // Connecting takes too long as well: the system accepts the connection, but the server says nothing.
                let error = await #expect(throws: RedisTimeoutError.self) { try await redis.increment("key") }
                #expect(error?.mayHaveBeenExecuted == false)
                server.send(SIGCONT)
                try await eventually { try await redis.get("key", as: Int.self) == 6 }
            }
        }
    }

    @Test func aCommandWithItsOwnLimitKeepsIt() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                try await redis.ping()
                var command = RedisCommand("DEBUG", "SLEEP", 5)
                command.timeLimit = .after(.milliseconds(50))
                let start = ContinuousClock.now
                let error = await #expect(throws: RedisTimeoutError.self) { try await redis.send(command) }
                #expect(error?.limit == .milliseconds(50))
                #expect(ContinuousClock.now - start < .seconds(4))
            }
        }
    }

    @Test func aServerThatIsKilledAndRestartedIsUsedAgain() async throws {
        try await RedisServer.run(["--appendonly", "yes", "--appendfsync", "always"]) { server in
            try await withRedis(quick(server)) { redis in
                var isOver = false
                var certain = 0
                var possible = 0
                let work = createTask {
                    while !isOver {
                        do {
                            try await redis.increment("counter")
                            certain += 1
                        } catch let error as RedisConnectionError {
                            if error.mayHaveBeenExecuted { possible += 1 }
                            try await sleep(.milliseconds(5))
                        } catch is RedisTimeoutError {
                            possible += 1
                        } catch let error as RedisError where error.code == .loading {}
                    }
                }
                for _ in 0..<4 {
                    let before = certain
                    try await eventually { certain > before + 100 }
                    try await server.restart()
                }
                let before = certain
                try await eventually { certain > before + 100 }
                isOver = true
                try await work.value
                let count = try await redis.get("counter", as: Int.self) ?? 0
                #expect((certain...certain + possible).contains(count))
            }
        }
    }

    @Test func aServerThatIsNotThereIsExplained() async throws {
        var configuration = RedisConfiguration(port: try freePort())
        configuration.backoff = Backoff(initial: .milliseconds(1))
        configuration.connectAttempts = 3
        try await withRedis(configuration) { redis in
            for _ in 0..<2 {
                let error = await #expect(throws: RedisConnectionError.self) { try await redis.ping() }
                #expect(error?.mayHaveBeenExecuted == false)
                #expect("\(error!)".contains("connecting to 127.0.0.1:"))
                #expect("\(error!)".contains("Connection refused"))
            }
        }
    }

    @Test func afterClosingNothingIsSent() async throws {
        try await RedisServer.run { server in
            let redis = RedisClient(try RedisConfiguration(url: server.url))
            try await redis.ping()
            let blocked = createTask { try await redis.withConnection { try await $0.blpop("list") } }
            try await sleep(.milliseconds(20))
            await redis.close()
            await redis.close()
            await #expect(throws: RedisConnectionError.self) { try await blocked.value }
            await #expect(throws: RedisConnectionError.self) { try await redis.ping() }
            await #expect(throws: RedisConnectionError.self) { try await redis.withConnection { try await $0.ping() } }
        }
    }

    @Test func fullMemoryIsAnErrorOfItsOwn() async throws {
        try await RedisServer.run(["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"]) { server in
            try await withRedis(server.url) { redis in
                let error = await #expect(throws: RedisError.self) {
                    for number in 0..<10_000 {
                        try await redis.set("key:\(number)", [UInt8](repeating: 1, count: 10_000))
                    }
                }
                #expect(error?.code == .outOfMemory)
                let first = try await redis.get("key:0")?.bytes
                #expect(first?.count == 10_000)
            }
        }
    }

    @Test func aReplicaRefusesToBeWrittenTo() async throws {
        try await RedisServer.run { master in
            try await RedisServer.run(["--replicaof", "127.0.0.1 \(master.port)"]) { replica in
                try await withRedis(master.url) { try await $0.set("key", "value") }
                try await withRedis(replica.url) { redis in
                    try await eventually { try await redis.get("key")?.string == "value" }
                    let error = await #expect(throws: RedisError.self) { try await redis.set("key", 2) }
                    #expect(error?.code == .readOnly)
                }
            }
        }
    }

    @Test func aServerThatSpeaksSomethingElseIsExplained() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            _ = try await reader.readLine()
            try await writer.write("HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
        }
        defer { server.close() }
        try await withRedis("redis://127.0.0.1:\(server.port)") { redis in
            let error = await #expect(throws: RedisProtocolError.self) { try await redis.ping() }
            #expect(error?.message.hasSuffix(#": expected a reply in RESP, got: "HTTP/1.1 400 Bad Request""#) ?? false)
        }
    }

    @Test func anOldServerIsSpokenToInRESP2() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await FakeRedis.serve(reader, writer) { "+\($0.joined(separator: " "))\r\n" }
        }
        defer { server.close() }
        try await withRedis("redis://u:p@127.0.0.1:\(server.port)/4?client_name=me") { redis in
            let reply = try await redis.send("GET", "x").string
            #expect(reply == "GET x")
        }
    }
}
