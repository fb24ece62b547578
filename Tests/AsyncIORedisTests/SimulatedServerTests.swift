import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

/// Servers in a simulated network, in virtual time.
@Suite struct SimulatedServerTests {
    private func configuration(_ change: (inout RedisConfiguration) -> Void = { _ in }) -> RedisConfiguration {
        var configuration = RedisConfiguration(host: "redis")
        configuration.backoff = Backoff(initial: .seconds(1), factor: 2, maximum: .seconds(60))
        change(&configuration)
        return configuration
    }

    private typealias Answer = nonisolated(nonsending) ([String]) async throws -> String?

    private func startRedis(
        _ answer: @escaping Answer = { _ in "+OK\r\n" }
    ) async throws -> Host {
        let host = try Network.current.host("redis") {
            let server = try await startServer(port: 6379) { reader, writer in
                try await FakeRedis.serve(reader, writer, answer: answer)
            }
            try await server.serveForever()
        }
        try await settled()
        return host
    }

    @Test(.simulation) func thePausesBetweenAttemptsGrow() async throws {
        let redis = RedisClient(
            configuration {
                $0.connectAttempts = 5
                $0.commandTimeout = nil
            })
        // A host on which nothing listens refuses connections.
        try Network.current.host("redis") { try await sleep(.seconds(3600)) }
        try await settled()
        let start = try EventLoop.running.now
        await #expect(throws: RedisConnectionError.self) { try await redis.ping() }
        let time = try EventLoop.running.now - start
        // 1 + 2 + 4 + 8 seconds.
        #expect(time >= .seconds(15) && time < .seconds(16))
        await redis.close()
    }

    @Test(.simulation(seeds: 20)) func aServerThatComesBackIsUsedAgain() async throws {
        let host = try await startRedis()
        let redis = RedisClient(
            configuration {
                $0.connectAttempts = 10
                $0.commandTimeout = .seconds(300)
            })
        try await redis.ping()
        try await Network.current.crash(host)
        let waiting = (0..<5).map { _ in createTask { try await redis.ping() } }
        try await sleep(.seconds(10))
        try await Network.current.restart(host)
        // All of them wait for the same connection, which is open soon after the server is back.
        for task in waiting {
            do { try await task.value } catch let error as RedisConnectionError {
                // Sent before the client knew that the server was gone.
                #expect(error.mayHaveBeenExecuted)
            }
        }
        try await redis.ping()
        await redis.close()
    }

    @Test(.simulation) func theTimeLimitOfACommandIsExact() async throws {
        _ = try await startRedis { words in
            if words[0] == "GET" { try await sleep(.seconds(3600)) }
            return "+OK\r\n"
        }
        let redis = RedisClient(configuration { $0.commandTimeout = .seconds(7) })
        try await redis.ping()
        try await sleep(.seconds(100))
        let start = try EventLoop.running.now
        let error = await #expect(throws: RedisTimeoutError.self) { _ = try await redis.get("key") }
        #expect(error?.limit == .seconds(7))
        #expect(try EventLoop.running.now - start == .seconds(7))
        // The connection was closed, and another one is opened.
        try await redis.ping()
        await redis.close()
    }

    @Test(.simulation(seeds: 20)) func nothingIsOutOfStepWhateverTheNetworkDoes() async throws {
        let network = try Network.current
        network.links.latency = .milliseconds(1)...(.milliseconds(50))
        let host = try await startRedis { words in
            words[0] == "ECHO" ? "$\(words[1].utf8.count)\r\n\(words[1])\r\n" : "+OK\r\n"
        }
        let redis = RedisClient(
            configuration {
                $0.backoff = Backoff(initial: .milliseconds(100), jitter: 1)
                $0.commandTimeout = .seconds(5)
            })
        var answered = 0
        let tasks = (0..<10).map { number in
            createTask {
                for round in 0..<50 {
                    do {
                        #expect(try await redis.send("ECHO", "\(number) \(round)").string == "\(number) \(round)")
                        answered += 1
                    } catch is RedisConnectionError {} catch is RedisTimeoutError {}
                    try await sleep(.milliseconds(100))
                }
            }
        }
        try await network.injectFaults(5, kinds: [.kill, .pause], on: [host], within: .seconds(5))
        for task in tasks { try await task.value }
        #expect(answered > 100)
        await redis.close()
    }
}
