import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

@Suite(.eventLoop, .requires(.redis), .serialized) struct PubSubTests {
    private func withEachVersion(_ body: (RedisServer, RedisClient) async throws -> Void) async throws {
        for version in [2, 3] {
            try await RedisServer.run { server in
                try await withRedis("\(server.url)?protocol=\(version)") { try await body(server, $0) }
            }
        }
    }

    @Test func messagesReachTheirSubscriptions() async throws {
        try await withEachVersion { _, redis in
            let news = try await redis.subscribe("news", "weather")
            let all = try await redis.subscribe(matching: "n*", "w*")
            let sharded = try await redis.subscribe(sharded: "shard")
            #expect(try await redis.publish("news", "one") == 2)
            #expect(try await redis.publish("weather", [0, 255]) == 2)
            #expect(try await redis.publish("other", "x") == 0)
            #expect(try await redis.publish(sharded: "shard", "s") == 1)
            let first = try await news.next()
            #expect(first?.channel == "news" && first?.pattern == nil && first?.text == "one")
            let second = try await news.next()
            #expect(second?.channel == "weather" && second?.payload == [0, 255])
            let third = try await all.next()
            #expect(third?.channel == "news" && third?.pattern == "n*" && third?.text == "one")
            #expect(try await sharded.next()?.text == "s")
            // All share one connection, which is not that of commands.
            #expect(try await redis.send("CLIENT", "LIST", "TYPE", "pubsub").string.split(separator: "\n").count == 1)
            news.close()
            #expect(try await news.next() == nil)
            try await eventually { try await redis.publish("news", "two") == 1 }
        }
    }

    @Test func aSubscriptionThatIsReleasedEnds() async throws {
        try await withEachVersion { _, redis in
            var subscription: RedisSubscription? = try await redis.subscribe("news")
            #expect(try await redis.publish("news", "one") == 1)
            #expect(subscription?.capacity == 1000)
            subscription = nil
            try await eventually { try await redis.publish("news", "two") == 0 }
            let again = try await redis.subscribe("news")
            #expect(try await redis.publish("news", "three") == 1)
            #expect(try await again.next()?.text == "three")
        }
    }

    @Test func aSlowSubscriptionDropsMessages() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                let oldest = try await redis.subscribe("n", capacity: 3)
                let newest = try await redis.subscribe("n", capacity: 3, overflow: .dropNewest)
                let failing = try await redis.subscribe("n", capacity: 3, overflow: .fail)
                for number in 0..<10 { try await redis.publish("n", number) }
                try await eventually { oldest.missedCount == 7 }
                #expect(newest.missedCount == 7)
                var texts: [String] = []
                for _ in 0..<3 { texts.append(try await oldest.next()?.text ?? "") }
                for _ in 0..<3 { texts.append(try await newest.next()?.text ?? "") }
                for _ in 0..<3 { texts.append(try await failing.next()?.text ?? "") }
                #expect(texts == ["7", "8", "9", "0", "1", "2", "0", "1", "2"])
                let error = await #expect(throws: RedisOverflowError.self) { try await failing.next() }
                #expect(error?.capacity == 3)
            }
        }
    }

    @Test func afterALostConnectionTheClientSubscribesAgain() async throws {
        try await withEachVersion { server, redis in
            let news = try await redis.subscribe("news")
            let pattern = try await redis.subscribe(matching: "ne*")
            for round in 1...3 {
                if round == 2 {
                    _ = try await server.cli("CLIENT", "KILL", "TYPE", "pubsub")
                } else {
                    try await server.restart()
                }
                try await eventually { try await redis.publish("news", "\(round)") == 2 }
                #expect(try await news.next()?.text == "\(round)")
                #expect(try await pattern.next()?.text == "\(round)")
                #expect(news.interruptionCount == round)
            }
        }
    }

    @Test func aRefusedChannelIsExplained() async throws {
        try await withEachVersion { server, redis in
            _ = try await server.cli("ACL", "SETUSER", "reader", "on", ">pw", "~*", "resetchannels", "&open", "+@all")
            let version = redis.configuration.protocolVersion.rawValue
            try await withRedis("redis://reader:pw@127.0.0.1:\(server.port)?protocol=\(version)") { reader in
                let open = try await reader.subscribe("open")
                let error = await #expect(throws: RedisError.self) { _ = try await reader.subscribe("closed") }
                #expect(error?.code == .noPermission)
                // The connection is in step.
                #expect(try await redis.publish("open", "x") == 1)
                #expect(try await open.next()?.text == "x")
            }
        }
    }

    @Test func aServerThatHangsIsNoticed() async throws {
        try await RedisServer.run { server in
            var configuration = try RedisConfiguration(url: server.url)
            configuration.healthCheckInterval = .milliseconds(50)
            configuration.commandTimeout = .milliseconds(200)
            configuration.connectTimeout = .milliseconds(200)
            try await withRedis(configuration) { redis in
                let news = try await redis.subscribe("news")
                server.send(SIGSTOP)
                try await eventually { news.interruptionCount == 1 }
                server.send(SIGCONT)
                try await eventually { try await redis.publish("news", "back") == 1 }
                #expect(try await news.next()?.text == "back")
            }
        }
    }

    @Test func closingTheClientEndsSubscriptions() async throws {
        try await RedisServer.run { server in
            let redis = RedisClient(try RedisConfiguration(url: server.url))
            let news = try await redis.subscribe("news")
            let next = createTask { try await news.next() }
            try await sleep(.milliseconds(10))
            await redis.close()
            #expect(try await next.value == nil)
            await #expect(throws: RedisConnectionError.self) { _ = try await redis.subscribe("news") }
        }
    }
}
