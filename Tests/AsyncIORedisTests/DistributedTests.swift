import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

@Suite(.eventLoop, .requires(.redis), .serialized) struct DistributedTests {
    private func withTwoClients(_ body: (RedisServer, RedisClient, RedisClient) async throws -> Void) async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { first in
                try await withRedis(server.url + "?protocol=2") { second in try await body(server, first, second) }
            }
        }
    }

    @Test func aLockHasOneHolder() async throws {
        try await withTwoClients { _, first, second in
            var holders = 0
            var tokens: [Int] = []
            let tasks = (0..<20).map { number in
                createTask {
                    let lock = RedisLock(number.isMultiple(of: 2) ? first : second, "lock", name: "n\(number)")
                    try await lock.withLock { lease in
                        holders += 1
                        #expect(holders == 1)
                        #expect(try await lock.holder() == "n\(number)")
                        tokens.append(lease.fencingToken)
                        try await sleep(.milliseconds(2))
                        holders -= 1
                    }
                }
            }
            for task in tasks { try await task.value }
            #expect(tokens == tokens.sorted() && Set(tokens).count == 20)
            #expect(try await RedisLock(first, "lock").holder() == nil)
        }
    }

    @Test func aLockIsRenewedWhileItsBodyRuns() async throws {
        try await withTwoClients { _, first, second in
            let lock = RedisLock(first, "lock", lease: .milliseconds(1500))
            let other = RedisLock(second, "lock", lease: .milliseconds(1500))
            try await lock.withLock { _ in
                let got = try await other.withLock(waitingAtMost: .milliseconds(4500)) { _ in true }
                #expect(got == nil)
            }
            #expect(try await other.withLock(waitingAtMost: .zero) { _ in true } == true)
        }
    }

    @Test func aLockThatIsLostCancelsItsBody() async throws {
        try await withTwoClients { _, first, second in
            let lock = RedisLock(first, "lock", lease: .milliseconds(300))
            var wasCancelled = false
            var lease: RedisLease?
            let error = await #expect(throws: RedisLeaseLostError.self) {
                try await lock.withLock {
                    lease = $0
                    try await second.delete("lock")
                    do { try await sleep(.seconds(60)) } catch {
                        wasCancelled = true
                        throw error
                    }
                }
            }
            #expect(error?.key == "lock")
            #expect(wasCancelled)
            #expect(lease?.isLost == true)
            // The lease of another holder is not given back.
            try await RedisLock(second, "lock", name: "second").withLock { _ in
                let holder = try await lock.holder()
                #expect(holder == "second")
            }
        }
    }

    @Test func aServerThatHangsEndsTheLease() async throws {
        try await RedisServer.run { server in
            var configuration = try RedisConfiguration(url: server.url)
            configuration.commandTimeout = .milliseconds(100)
            configuration.connectTimeout = .milliseconds(100)
            try await withRedis(configuration) { redis in
                let lock = RedisLock(redis, "lock", lease: .milliseconds(600))
                let start = ContinuousClock.now
                await #expect(throws: RedisLeaseLostError.self) {
                    try await lock.withLock { _ in
                        server.send(SIGSTOP)
                        try await sleep(.seconds(60))
                    }
                }
                #expect(ContinuousClock.now - start < .seconds(20))
                server.send(SIGCONT)
            }
        }
    }

    @Test func aHolderThatDiesLosesTheLock() async throws {
        try await withTwoClients { _, first, second in
            // The lock of a program that is gone: nothing renews it.
            try await first.set("lock", "gone gone", expiry: .after(.milliseconds(300)))
            #expect(try await RedisLock(second, "lock").withLock { $0.fencingToken } == 1)
        }
    }

    @Test func aTaskThatIsCancelledWhileItWaitsLeavesNothing() async throws {
        try await withTwoClients { _, first, second in
            try await RedisLock(first, "lock").withLock { _ in
                let waiting = createTask { try await RedisLock(second, "lock").withLock { _ in } }
                try await sleep(.milliseconds(30))
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
            }
            #expect(try await first.exists("lock") == 0)
            #expect(try await first.send("PUBSUB", "CHANNELS").array == [])
        }
    }

    @Test func aSemaphoreHasAsManyHoldersAsPlaces() async throws {
        try await withTwoClients { _, first, second in
            var holders = 0
            var most = 0
            let tasks = (0..<20).map { number in
                createTask {
                    let semaphore = RedisSemaphore(number.isMultiple(of: 2) ? first : second, "places", limit: 3)
                    try await semaphore.withPlace { _ in
                        holders += 1
                        most = max(most, holders)
                        try await sleep(.milliseconds(5))
                        holders -= 1
                    }
                }
            }
            for task in tasks { try await task.value }
            #expect(most == 3)
            let semaphore = RedisSemaphore(first, "places", limit: 1, lease: .milliseconds(1500))
            #expect(try await semaphore.usedCount() == 0)
            // Renewed while it is held, and taken by others when it is not.
            try await semaphore.withPlace { _ in
                let other = RedisSemaphore(second, "places", limit: 1, lease: .milliseconds(1500))
                let got = try await other.withPlace(waitingAtMost: .milliseconds(3750)) { _ in true }
                #expect(got == nil)
                let count = try await other.usedCount()
                #expect(count == 1)
            }
            await #expect(throws: RedisLeaseLostError.self) {
                try await semaphore.withPlace { _ in
                    try await second.delete("places")
                    try await sleep(.seconds(60))
                }
            }
        }
    }

    @Test func oneCandidateLeadsUntilItsLeaseEnds() async throws {
        try await withTwoClients { _, first, second in
            var leaders: [String] = []
            func campaign(_ redis: RedisClient, _ name: String) -> AsyncTask<Void> {
                createTask {
                    let election = RedisElection(redis, "leader", name: name, lease: .milliseconds(1500))
                    try await election.lead { _ in
                        leaders.append(name)
                        try await sleep(.seconds(60))
                    }
                }
            }
            let one = campaign(first, "one")
            try await eventually { leaders == ["one"] }
            let two = campaign(second, "two")
            #expect(try await RedisElection(second, "leader", name: "x").leader() == "one")
            try await sleep(.milliseconds(2500))
            #expect(leaders == ["one"])
            // The lease is taken away: one of both leads again.
            try await second.delete("leader")
            try await eventually { leaders.count >= 2 }
            one.cancel()
            try await eventually { leaders.last == "two" }
            two.cancel()
            for task in [one, two] { _ = try? await task.value }
            try await eventually { try await RedisElection(second, "leader", name: "x").leader() == nil }
        }
    }

    @Test func aLeaderPassesOnTheLostLeaseOfAnotherLock() async throws {
        try await withTwoClients { _, first, second in
            let election = RedisElection(first, "leader", name: "one")
            var terms = 0
            let error = await #expect(throws: RedisLeaseLostError.self) {
                try await election.lead { _ in
                    terms += 1
                    try await RedisLock(first, "other", lease: .milliseconds(300)).withLock { _ in
                        try await second.delete("other")
                        try await sleep(.seconds(60))
                    }
                }
            }
            #expect(error?.key == "other")
            #expect(terms == 1)
            let leader = try await election.leader()
            #expect(leader == nil)
        }
    }

    @Test func anEventWakesThoseThatWait() async throws {
        try await withTwoClients { _, first, second in
            let event = RedisEvent(first, "ready")
            #expect(try await !event.isSet())
            let waiting = (0..<3).map { _ in createTask { try await RedisEvent(second, "ready").wait() } }
            try await sleep(.milliseconds(20))
            #expect(waiting.allSatisfy { !$0.isDone })
            try await event.set()
            for task in waiting { try await task.value }
            try await RedisEvent(second, "ready").wait()
            try await event.clear()
            #expect(try await !RedisEvent(second, "ready").isSet())
        }
    }

    @Test func aBroadcastThatKeepsMessagesLosesNone() async throws {
        try await withTwoClients { server, first, second in
            let broadcast = RedisBroadcast(first, "prices", keeping: 1000)
            try await broadcast.send("early")
            let oldest = try await RedisBroadcast(second, "prices", keeping: 1000).subscribe(from: .oldest)
            let now = try await RedisBroadcast(second, "prices", keeping: 1000).subscribe()
            var ids: [String] = []
            let received = createTask {
                var texts: [String] = []
                while texts.count < 100, let message = try await now.next() { texts.append(message.text) }
                return texts
            }
            for number in 0..<100 {
                ids.append(try await broadcast.send("\(number)") ?? "")
                // The connections of the subscribers are lost again and again.
                guard number % 20 == 10 else { continue }
                _ = try await server.cli("CLIENT", "KILL", "TYPE", "normal")
                // The sender notices before it sends again.
                try await sleep(.milliseconds(20))
            }
            #expect(try await received.value == (0..<100).map(String.init))
            #expect(try await oldest.next()?.text == "early")
            #expect(try await oldest.next()?.text == "0")
            let later = try await broadcast.subscribe(from: .after(ids[49]))
            #expect(try await later.next()?.text == "50")
        }
    }

    @Test func aBroadcastThatKeepsNothingReachesThoseThatListen() async throws {
        try await withTwoClients { _, first, second in
            let broadcast = RedisBroadcast(first, "prices")
            let subscriptions = [
                try await broadcast.subscribe(), try await RedisBroadcast(second, "prices").subscribe(),
            ]
            #expect(try await broadcast.send([1, 2, 255] as [UInt8]) == nil)
            for subscription in subscriptions { #expect(try await subscription.next()?.payload == [1, 2, 255]) }
            await #expect(throws: ValueError.self) { _ = try await broadcast.subscribe(from: .oldest) }
        }
    }

    @Test func aRateLimitIsSharedByAll() async throws {
        try await withTwoClients { _, first, second in
            let limiters = [
                try RedisRateLimiter(first, "api", rate: 50, per: .seconds(1), burst: 5),
                try RedisRateLimiter(second, "api", rate: 50, per: .seconds(1), burst: 5),
            ]
            let start = ContinuousClock.now
            let tasks = (0..<30).map { number in createTask { try await limiters[number % 2].acquire() } }
            for task in tasks { try await task.value }
            // Five at once, and 25 at intervals of 20 ms.
            let time = ContinuousClock.now - start
            #expect(time >= .milliseconds(490))
            // So slow that no permit becomes free during the test.
            let slow = try RedisRateLimiter(first, "slow", rate: 1, per: .seconds(100_000), burst: 5)
            let other = try RedisRateLimiter(second, "slow", rate: 1, per: .seconds(100_000), burst: 5)
            for _ in 0..<5 { #expect(try await slow.tryAcquire() == nil) }
            let wait = try await other.tryAcquire()
            #expect(wait.map { $0 > .seconds(90_000) && $0 <= .seconds(100_000) } ?? false)
            #expect(throws: ValueError.self) { try RedisRateLimiter(first, "x", rate: 0, per: .seconds(1)) }
        }
    }
}
