import AsyncIO
import AsyncIOTesting
import Testing

@testable import AsyncIORedis

/// Tasks are cancelled while they wait for a lock, a place, a flag, a permission, or a message, and while they hold one.
/// Nothing is lost, nothing is left behind, and the connection stays in step. Leases are so long that none of them ends
/// by itself.
@Suite(.eventLoop, .requires(.redis), .serialized) struct RedisCancellationTests {
    private let lease = Duration.seconds(3600)

    /// Runs `body` with a client whose connections a partition can hold, and one with direct connections. Afterwards,
    /// both clients are still in step, and no connection or subscription is left.
    private func withClients(
        _ body: (Partition, _ far: RedisClient, _ near: RedisClient) async throws -> Void
    ) async throws {
        try await RedisServer.run { server in
            try await Partition.run(to: server.port) { partition in
                try await withRedis(partition.url) { far in
                    try await withRedis(server.url) { near in
                        for redis in [far, near] { _ = try await redis.send("PING") }
                        try await body(partition, far, near)
                        for redis in [far, near] {
                            let echo = try await redis.send("ECHO", "in step").string
                            #expect(echo == "in step")
                        }
                        try await eventually { try await near.send("PUBSUB", "CHANNELS").array.isEmpty }
                        try await eventually { try await connectionCount(near) == 2 }
                    }
                }
            }
        }
    }

    private func connectionCount(_ redis: RedisClient) async throws -> Int {
        try await redis.send("CLIENT", "LIST").string.split(separator: "\n").count
    }

    /// Something that one task at a time holds.
    nonisolated enum Kind: String, CaseIterable {
        case lock, place, leader, once
    }

    /// Waits until it holds something, and runs `body`.
    private func hold(_ kind: Kind, _ redis: RedisClient, _ body: () async throws -> Void) async throws {
        switch kind {
        case .lock: try await RedisLock(redis, "lock", lease: lease).withLock { _ in try await body() }
        case .place:
            try await RedisSemaphore(redis, "place", limit: 1, lease: lease).withPlace { _ in try await body() }
        case .leader:
            try await RedisElection(redis, "leader", name: "x", lease: lease).lead { _ in try await body() }
        case .once: try await RedisQueue<Int>("test", on: redis).once("x", keptFor: lease, lease: lease, body)
        }
    }

    private func isHeld(_ kind: Kind, _ redis: RedisClient) async throws -> Bool {
        let key = kind == .once ? "jobs:{test}:once:x" : kind.rawValue
        return try await redis.exists(key) == 1
    }

    @Test(arguments: [Kind.lock, .place, .leader])
    func aTaskThatIsCancelledWhileItWaitsLetsTheNextOneHaveIt(_ kind: Kind) async throws {
        try await withClients { _, far, near in
            let end = Event()
            let holder = createTask { try await hold(kind, near) { try await end.wait() } }
            try await eventually { try await isHeld(kind, near) }
            let waiting = createTask { try await hold(kind, far) {} }
            let next = createTask { try await hold(kind, far) {} }
            // Both wait for the end of the lease.
            try await eventually { try await !near.send("PUBSUB", "CHANNELS").array.isEmpty }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(!next.isDone && !holder.isDone)
            end.set()
            try await holder.value
            try await next.value
            #expect(try await !isHeld(kind, near))
        }
    }

    @Test(arguments: Kind.allCases) func aBodyThatIsCancelledGivesBackWhatItHolds(_ kind: Kind) async throws {
        try await withClients { _, far, near in
            let begun = Event()
            var wasCancelled = false
            let holder = createTask {
                try await hold(kind, far) {
                    begun.set()
                    do { try await sleep(.seconds(3600)) } catch {
                        wasCancelled = true
                        throw error
                    }
                }
            }
            try await begun.wait()
            holder.cancel()
            await #expect(throws: CancellationError.self) { try await holder.value }
            #expect(wasCancelled)
            try await hold(kind, near) {}
        }
    }

    @Test(arguments: Kind.allCases, [false, true])
    func whatIsGrantedToACancelledTaskIsGivenBack(_ kind: Kind, late: Bool) async throws {
        try await withClients { partition, far, near in
            // The server knows the scripts.
            for redis in [far, near] { try? await hold(kind, redis) { throw TestFailure("") } }
            #expect(try await !isHeld(kind, near))
            partition.hold(toServer: false)
            var hasBegun = false
            let waiting = createTask { try await hold(kind, far) { hasBegun = true } }
            try await eventually { try await isHeld(kind, near) }
            waiting.cancel()
            // The task ends even if the reply does not come.
            if late { await #expect(throws: CancellationError.self) { try await waiting.value } }
            partition.heal()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(!hasBegun)
            try await eventually { try await !isHeld(kind, near) }
        }
    }

    @Test(arguments: Kind.allCases) func aTaskCanBeCancelledInAnyTurn(_ kind: Kind) async throws {
        try await withClients { _, far, near in
            var (turns, ends, cancellations) = (0, 0, 0)
            // More turns than the task needs, so every turn is met.
            while ends < 20 {
                let task = createTask { try await hold(kind, far) {} }
                for _ in 0..<turns { try await sleep(.zero) }
                task.cancel()
                do {
                    try await task.value
                    ends += 1
                } catch is CancellationError {
                    cancellations += 1
                }
                if kind == .once {
                    // The work is either done, or can be done again.
                    try await eventually { try await near.get("jobs:{test}:once:x")?.string ?? "done" == "done" }
                    try await near.delete("jobs:{test}:once:x")
                } else {
                    try await eventually { try await !isHeld(kind, near) }
                }
                turns += 1
            }
            #expect(cancellations > 1)
        }
    }

    // MARK: Events

    @Test func aCancelledWaitForAFlagLeavesTheOthersWaiting() async throws {
        try await withClients { partition, far, near in
            let waiting = (0..<2).map { _ in createTask { try await RedisEvent(far, "flag").wait() } }
            try await eventually { try await !near.send("PUBSUB", "CHANNELS").array.isEmpty }
            waiting[0].cancel()
            await #expect(throws: CancellationError.self) { try await waiting[0].value }
            #expect(!waiting[1].isDone)
            // The message is on its way when the task is cancelled.
            let third = createTask { try await RedisEvent(far, "flag").wait() }
            try await sleep(.milliseconds(20))
            partition.hold(toServer: false)
            try await RedisEvent(near, "flag").set()
            third.cancel()
            await #expect(throws: CancellationError.self) { try await third.value }
            #expect(!waiting[1].isDone)
            partition.heal()
            try await waiting[1].value
        }
    }

    @Test func aWaitForAFlagCanBeCancelledInAnyTurn() async throws {
        try await withClients { _, far, near in
            try await RedisEvent(near, "flag").set()
            var (turns, ends) = (0, 0)
            while ends < 20 {
                let task = createTask { try await RedisEvent(far, "flag").wait() }
                for _ in 0..<turns { try await sleep(.zero) }
                task.cancel()
                do {
                    try await task.value
                    ends += 1
                } catch is CancellationError {}
                turns += 1
            }
        }
    }

    // MARK: Limiters

    @Test func aCancelledWaitForPermissionUsesNone() async throws {
        try await withClients { partition, far, near in
            func limiter(_ redis: RedisClient) throws -> RedisRateLimiter {
                try RedisRateLimiter(redis, "api", rate: 2, per: .seconds(7200), burst: 2)
            }
            try await limiter(near).acquire()
            // The server grants permission, but the task is cancelled before it knows: that one is used.
            let first = try await near.get("api")?.integer ?? 0
            partition.hold(toServer: false)
            let granted = createTask { try await limiter(far).acquire() }
            try await eventually { try await near.get("api")?.integer ?? 0 > first }
            let second = try await near.get("api")?.integer
            granted.cancel()
            partition.heal()
            await #expect(throws: CancellationError.self) { try await granted.value }
            // Now there is none, and the task waits.
            let waiting = createTask { try await limiter(far).acquire() }
            try await sleep(.milliseconds(50))
            #expect(!waiting.isDone)
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            let third = try await near.get("api")?.integer
            #expect(third == second)
        }
    }

    // MARK: Broadcasts

    @Test(arguments: [nil, 100]) func aCancelledWaitForAMessageLosesNone(keeping count: Int?) async throws {
        try await withClients { partition, far, near in
            let sender = RedisBroadcast(near, "news", keeping: count)
            let subscription = try await RedisBroadcast(far, "news", keeping: count).subscribe()
            var received: [String] = []
            func read() -> AsyncTask<Void> {
                createTask { for try await message in subscription { received.append(message.text) } }
            }
            // While nothing comes.
            var reading = read()
            try await sleep(.milliseconds(20))
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            // While a message is on its way.
            reading = read()
            try await sleep(.milliseconds(20))
            partition.hold(toServer: false)
            try await sender.send("one")
            try await sleep(.milliseconds(20))
            reading.cancel()
            partition.heal()
            await #expect(throws: CancellationError.self) { try await reading.value }
            // In any turn after a message was sent.
            for turns in 0..<100 {
                reading = read()
                for _ in 0..<turns % 10 { try await sleep(.zero) }
                try await sender.send("\(turns)")
                for _ in 0..<turns { try await sleep(.zero) }
                reading.cancel()
                await #expect(throws: CancellationError.self) { try await reading.value }
            }
            reading = read()
            try await eventually { received.count >= 101 }
            #expect(received == ["one"] + (0..<100).map(String.init))
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
        }
    }
}
