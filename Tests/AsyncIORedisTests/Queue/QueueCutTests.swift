import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

/// The connection of a queue is cut at every byte of a session, or stops carrying bytes within each command and each
/// reply. The queue repeats what it does not know the outcome of, so the session ends as it would have without the
/// damage.
@Suite(.eventLoop(limit: .seconds(600)), .requires(.redis), .serialized) struct QueueCutTests {
    /// Puts two jobs, and ends them in different ways. Nothing waits, so that each byte is at the same place each time.
    private func session(_ queue: RedisQueue<String>, _ round: Int) async throws {
        let (first, second) = ("\(round)a", "\(round)b")
        #expect(try await queue.put("one", options: JobOptions(id: first)) == JobTicket(id: first, wasAdded: true))
        let one = try await queue.receive()
        #expect(one.id == first && one.job == "one" && one.attempt == 1)
        try await one.acknowledge(returning: round)
        #expect(try await queue.put("two", options: JobOptions(id: second)).wasAdded)
        let two = try await queue.receive()
        #expect(two.id == second && two.attempt == 1)
        try await two.reject(JobFailure("again", retryDelay: .zero))
        let again = try await queue.receive()
        #expect(again.id == second && again.attempt == 2)
        try await again.handBack()
        let last = try await queue.receive()
        #expect(last.id == second && last.attempt == 2)
        try await last.report(progress: 0.5)
        #expect(try await queue.renew([last]) == [.renewed])
        try await last.acknowledge()
        #expect(try await queue.result(of: first, as: Int.self) == round)
        #expect(try await queue.end(of: second).attempts == 2)
    }

    /// Runs sessions through a proxy, each with a damage that depends on the number of bytes in each direction.
    private func check(
        commandTimeout: Duration, _ damages: (_ sent: Int, _ received: Int) -> [CuttingProxy.Damage]
    ) async throws {
        try await RedisServer.run { server in
            try await CuttingProxy.run(to: server.port) { proxy in
                var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(proxy.port)")
                configuration.backoff = Backoff(initial: .microseconds(100), maximum: .milliseconds(1))
                var rounds = 0
                @MainActor func run(_ damage: CuttingProxy.Damage) async throws {
                    rounds += 1
                    proxy.begin(damage)
                    try await withRedis(configuration) { redis in
                        let queue = try RedisQueue<String>("test", on: redis)
                        try await session(queue, rounds)
                        let counts = try await queue.counts()
                        #expect(counts.unfinished == 0, "\(damage)")
                        #expect(counts.done == 2 * rounds, "\(damage)")
                        #expect(counts.failures == rounds, "\(damage)")
                        #expect(counts.lost == 0, "\(damage)")
                    }
                }
                // The server learns the scripts.
                try await run(.none)
                try await run(.none)
                let (sent, received) = (proxy.sent, proxy.received)
                #expect(sent > 1500 && received > 500)
                try await run(.trickle)
                configuration.commandTimeout = commandTimeout
                for damage in damages(sent, received) { try await run(damage) }
            }
        }
    }

    @Test(arguments: [false, true]) func aSessionThatIsCutEndsAsItShould(reset: Bool) async throws {
        try await check(commandTimeout: .seconds(10)) { sent, received in
            (0..<sent).map { .cut(after: $0, fromServer: false, reset: reset) }
                + (0..<received).map { .cut(after: $0, fromServer: true, reset: reset) }
        }
    }

    @Test func aSessionThatStallsEndsAsItShould() async throws {
        // Each session waits for the time limit, so not every byte is affordable. A script's command has more than 53
        // bytes, and a reply has at least 4.
        try await check(commandTimeout: .milliseconds(100)) { sent, received in
            stride(from: 1, to: sent, by: 53).map { .stall(after: $0, fromServer: false) }
                + stride(from: 1, to: received, by: 4).map { .stall(after: $0, fromServer: true) }
        }
    }
}
