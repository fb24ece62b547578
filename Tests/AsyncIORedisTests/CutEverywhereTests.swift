import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

/// The connection is cut at every byte of a session. Each command is answered correctly, or fails with an error that
/// says whether it may have been executed. That must be true, and no reply can go to another command.
@Suite(.eventLoop(limit: .seconds(600)), .requires(.redis), .serialized) struct CutEverywhereTests {
    /// What a session knows about what the server has executed.
    private struct Ledger {
        var certain = 0
        var possible = 0
        var failures = 0
    }

    private func attempt(_ ledger: inout Ledger, counts: Int = 0, _ body: () async throws -> Void) async throws {
        do {
            try await body()
            ledger.certain += counts
        } catch let error as RedisConnectionError {
            ledger.failures += 1
            if error.mayHaveBeenExecuted { ledger.possible += counts }
        }
    }

    private func session(_ redis: RedisClient, _ round: Int) async throws -> Ledger {
        var ledger = Ledger()
        try await attempt(&ledger) {
            let reply = try await redis.send("ECHO", "one \(round)").string
            #expect(reply == "one \(round)")
        }
        try await attempt(&ledger, counts: 1) { try await redis.increment("counter") }
        let tasks = (0..<5).map { number in createTask { try await redis.send("ECHO", "\(round) \(number)").string } }
        for (number, task) in tasks.enumerated() {
            try await attempt(&ledger) {
                let reply = try await task.value
                #expect(reply == "\(round) \(number)")
            }
        }
        try await attempt(&ledger, counts: 2) {
            let replies = try await redis.transaction([
                RedisCommand("INCR", "counter"), RedisCommand("ECHO", "in"), RedisCommand("INCR", "counter"),
            ])
            #expect(replies.count == 3)
            #expect(replies[1] == .bulkString(Array("in".utf8)))
        }
        try await attempt(&ledger) {
            let reply = try await redis.send("EVAL", "return {1,{2,'x'}}", 0)
            #expect(reply == .array([.integer(1), .array([.integer(2), .bulkString(Array("x".utf8))])]))
        }
        try await attempt(&ledger, counts: 1) { try await redis.increment("counter") }
        try await attempt(&ledger) {
            let reply = try await redis.send("ECHO", "end \(round)").string
            #expect(reply == "end \(round)")
        }
        return ledger
    }

    @Test(arguments: [2, 3]) func eachRunEndsRightOrWithAnError(version: Int) async throws {
        try await RedisServer.run { server in
            try await CuttingProxy.run(to: server.port) { proxy in
                var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(proxy.port)?protocol=\(version)")
                configuration.backoff = Backoff(initial: .microseconds(100), maximum: .milliseconds(1))
                configuration.clientName = "cut"
                try await withRedis(server.url) { direct in
                    @MainActor func run(_ damage: CuttingProxy.Damage, _ round: Int) async throws -> Int {
                        try await direct.set("counter", 0)
                        proxy.begin(damage)
                        let ledger = try await withRedis(configuration) { try await session($0, round) }
                        let count = try await direct.get("counter", as: Int.self) ?? -1
                        #expect((ledger.certain...ledger.certain + ledger.possible).contains(count), "\(damage)")
                        return ledger.failures
                    }
                    #expect(try await run(.none, 0) == 0)
                    let (sent, received) = (proxy.sent, proxy.received)
                    #expect(sent > 300 && received > 150)
                    #expect(try await run(.trickle, 0) == 0)
                    var failures = 0
                    for isReset in [false, true] {
                        for position in 0..<sent {
                            let damage = CuttingProxy.Damage.cut(after: position, fromServer: false, reset: isReset)
                            failures += try await run(damage, position)
                        }
                        for position in 0..<received {
                            let damage = CuttingProxy.Damage.cut(after: position, fromServer: true, reset: isReset)
                            failures += try await run(damage, position)
                        }
                    }
                    #expect(failures > (sent + received) / 2)
                }
            }
        }
    }
}
