import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

/// Locks, semaphores, events, elections, limiters, and broadcasts on a server that cannot be reached, is full, is a
/// replica, or comes back.
@Suite(.eventLoop, .requires(.redis), .serialized) struct DistributedFailureTests {
    nonisolated enum Direction: String, CaseIterable { case both, toServer, toClient }

    @Test(arguments: Direction.allCases) func aPartitionEndsTheLease(_ direction: Direction) async throws {
        try await RedisServer.run { server in
            try await Partition.run(to: server.port) { partition in
                try await withRedis(partition.url) { cutOff in
                    try await withRedis(server.url) { redis in
                        var lost: RedisLease?
                        let holder = createTask {
                            try await RedisLock(cutOff, "lock", lease: .milliseconds(600)).withLock { lease in
                                lost = lease
                                partition.hold(
                                    toServer: direction != .toClient, toClient: direction != .toServer)
                                try await sleep(.seconds(3600))
                            }
                        }
                        try await eventually { lost != nil }
                        let token = try await RedisLock(redis, "lock").withLock { $0.fencingToken }
                        await #expect(throws: RedisLeaseLostError.self) { try await holder.value }
                        #expect(lost?.isLost == true)
                        #expect(lost.map { $0.fencingToken < token } ?? false)
                        // After the partition, the holder gets the lock again.
                        partition.heal()
                        let next = try await RedisLock(cutOff, "lock").withLock { $0.fencingToken }
                        #expect(next > token)
                    }
                }
            }
        }
    }

    @Test func aLeaseSurvivesTheRestartOfItsServer() async throws {
        try await RedisServer.run(["--appendonly", "yes", "--appendfsync", "always"]) { server in
            try await withRedis(server.url) { redis in
                try await hold(redis, lease: .seconds(6)) {
                    await server.kill()
                    try await server.start()
                }
            }
        }
    }

    @Test func aLeaseIsKeptAndGivenBackWhenTheMemoryIsFull() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                try await hold(redis, lease: .seconds(3)) {
                    _ = try await server.cli("CONFIG", "SET", "maxmemory", "1")
                }
                try await expectErrors(.outOfMemory, redis)
                _ = try await server.cli("CONFIG", "SET", "maxmemory", "0")
                try await use(redis)
            }
        }
    }

    @Test func aReplicaIsAnErrorOfItsOwn() async throws {
        try await RedisServer.run { master in
            try await RedisServer.run(["--replicaof", "127.0.0.1 \(master.port)"]) { replica in
                try await withRedis(replica.url) { redis in
                    try await expectErrors(.readOnly, redis)
                    let place = await #expect(throws: RedisError.self) {
                        try await RedisSemaphore(redis, "places", limit: 1).withPlace { _ in }
                    }
                    #expect(place?.code == .readOnly)
                    _ = try await replica.cli("REPLICAOF", "NO", "ONE")
                    try await use(redis)
                }
            }
        }
    }

    @Test func aCandidateWaitsUntilItsServerIsTheMaster() async throws {
        try await RedisServer.run { master in
            try await RedisServer.run(["--replicaof", "127.0.0.1 \(master.port)"]) { replica in
                try await withRedis(replica.url) { redis in
                    var isLeader = false
                    let leading = createTask {
                        try await RedisElection(redis, "leader", name: "one").lead { _ in isLeader = true }
                    }
                    try await sleep(.milliseconds(100))
                    #expect(!isLeader && !leading.isDone)
                    _ = try await replica.cli("REPLICAOF", "NO", "ONE")
                    try await leading.value
                    #expect(isLeader)
                }
            }
        }
    }

    @Test func aServerThatHangsIsATimeout() async throws {
        try await RedisServer.run { server in
            var configuration = try RedisConfiguration(url: server.url)
            configuration.commandTimeout = .milliseconds(200)
            configuration.connectTimeout = .milliseconds(200)
            try await withRedis(configuration) { redis in
                try await eventually {
                    try await redis.ping()
                    return true
                }
                server.send(SIGSTOP)
                await #expect(throws: RedisTimeoutError.self) {
                    try await RedisLock(redis, "lock", lease: .milliseconds(300)).withLock { _ in }
                }
                await #expect(throws: RedisTimeoutError.self) { try await RedisEvent(redis, "flag").set() }
                server.send(SIGCONT)
            }
            // The server may have carried out what it had received. That lease ends.
            try await withRedis(server.url) { redis in try await use(redis) }
        }
    }

    @Test func aCancelledWaitForALockOfAHangingServerDoesNotTakeAsLongAsTheLease() async throws {
        try await RedisServer.run { server in
            var configuration = try RedisConfiguration(url: server.url)
            configuration.commandTimeout = nil
            try await withRedis(configuration) { redis in
                _ = try await redis.ping()
                server.send(SIGSTOP)
                defer { server.send(SIGCONT) }
                let waiting = createTask {
                    try await RedisLock(redis, "lock", lease: .seconds(3600)).withLock { _ in }
                }
                try await sleep(.milliseconds(20))
                waiting.cancel()
                // Giving the lock back ends after a second. Otherwise, this test would reach its limit.
                await #expect(throws: CancellationError.self) { try await waiting.value }
            }
        }
    }

    @Test(arguments: [false, true], [1, 3])
    func theTimeLimitOfAWaitAlsoAppliesIfTheServerHangs(semaphore: Bool, connections: Int) async throws {
        try await RedisServer.run { server in
            var configuration = try RedisConfiguration(url: server.url)
            configuration.commandTimeout = nil
            configuration.connections = connections
            try await withRedis(configuration) { redis in
                for _ in 0..<3 { _ = try await redis.ping() }
                server.send(SIGSTOP)
                let limit = Duration.milliseconds(100)
                var hasBegun = false
                // The server does not continue before the wait has ended.
                let value: Void? =
                    if semaphore {
                        try await RedisSemaphore(redis, "key", limit: 1, lease: .seconds(3600))
                            .withPlace(waitingAtMost: limit) { _ in hasBegun = true }
                    } else {
                        try await RedisLock(redis, "key", lease: .seconds(3600))
                            .withLock(waitingAtMost: limit) { _ in hasBegun = true }
                    }
                server.send(SIGCONT)
                #expect(value == nil && !hasBegun)
                // The server grants the lease, which is then given back.
                try await eventually { try await redis.get("{key}:fence")?.integer == 1 }
                try await eventually { try await redis.exists("key") == 0 }
            }
        }
    }

    @Test func workThatIsDoneOnceIsCancelledIfItsLeaseIsLost() async throws {
        try await RedisServer.run { server in
            try await Partition.run(to: server.port) { partition in
                try await withRedis(partition.url) { cutOff in
                    try await withRedis(server.url) { redis in
                        let lease = Duration.milliseconds(600)
                        var wasCancelled = false
                        let worker = createTask {
                            let queue = try RedisQueue<Int>("test", on: cutOff)
                            try await queue.once("work", keptFor: .seconds(60), lease: lease) {
                                partition.hold()
                                do { try await sleep(.seconds(3600)) } catch {
                                    wasCancelled = true
                                    throw error
                                }
                            }
                        }
                        let error = await #expect(throws: RedisLeaseLostError.self) { try await worker.value }
                        #expect(error?.key == "work")
                        #expect(wasCancelled)
                        let other = try RedisQueue<Int>("test", on: redis)
                        try await eventually { try await other.once("work", keptFor: .seconds(60), lease: lease) {} }
                        partition.heal()
                        #expect(try await !RedisQueue<Int>("test", on: cutOff).once("work") {})
                    }
                }
            }
        }
    }

    @Test func workThatEndsWhileAnotherWorkerDoesItIsReported() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                let queue = try RedisQueue<Int>("test", on: redis)
                let key = "jobs:{test}:once:work"
                await #expect(throws: RedisLeaseLostError.self) {
                    try await queue.once("work") { try await redis.set(key, "another") }
                }
                #expect(try await redis.get(key)?.string == "another")
                // If the server has only forgotten the lease, the work is recorded.
                try await redis.delete(key)
                #expect(try await queue.once("work") { try await redis.delete(key) })
                #expect(try await !queue.once("work") {})
            }
        }
    }

    @Test func aWaitingTaskSeesAFlagThatIsSetAfterARestart() async throws {
        try await RedisServer.run(["--appendonly", "yes", "--appendfsync", "always"]) { server in
            try await withRedis(server.url) { redis in
                try await withRedis(server.url) { other in
                    let broadcast = RedisBroadcast(other, "news", keeping: 100)
                    try await broadcast.send("one")
                    let messages = try await RedisBroadcast(redis, "news", keeping: 100).subscribe(from: .oldest)
                    #expect(try await messages.next()?.text == "one")
                    let waiting = createTask { try await RedisEvent(redis, "flag").wait() }
                    let reading = createTask { try await messages.next()?.text }
                    try await sleep(.milliseconds(50))
                    await server.kill()
                    try await server.start()
                    try await eventually {
                        try await RedisEvent(other, "flag").set()
                        return true
                    }
                    try await waiting.value
                    try await broadcast.send("two")
                    #expect(try await reading.value == "two")
                }
            }
        }
    }

    /// Holds a lock and a place of a semaphore while `disturb` runs. Checks that both leases are renewed after that, and
    /// given back at the end.
    private func hold(_ redis: RedisClient, lease: Duration, _ disturb: () async throws -> Void) async throws {
        let lock = RedisLock(redis, "lock", lease: lease, name: "one")
        let semaphore = RedisSemaphore(redis, "places", limit: 1, lease: lease)
        try await semaphore.withPlace { _ in
            try await lock.withLock { _ in
                try await disturb()
                _ = try await gather(["lock", "places"]) { try await waitForRenewal(of: $0, redis) }
                let holder = try await lock.holder()
                let count = try await semaphore.usedCount()
                #expect(holder == "one")
                #expect(count == 1)
            }
        }
        #expect(try await lock.holder() == nil)
        #expect(try await semaphore.usedCount() == 0)
    }

    /// Waits until the time that is left of a lease grows.
    private func waitForRenewal(of key: String, _ redis: RedisClient) async throws {
        var last = Int.max
        try await eventually {
            let rest = try await redis.send("PTTL", key).integer
            defer { last = rest }
            return rest > last
        }
    }

    /// Everything that needs the server to store something fails with this error.
    private func expectErrors(_ code: RedisError.Code, _ redis: RedisClient) async throws {
        let lock = await #expect(throws: RedisError.self) { try await RedisLock(redis, "lock").withLock { _ in } }
        let event = await #expect(throws: RedisError.self) { try await RedisEvent(redis, "flag").set() }
        let limit = await #expect(throws: RedisError.self) {
            try await RedisRateLimiter(redis, "limit", rate: 10, per: .seconds(1)).acquire()
        }
        let news = await #expect(throws: RedisError.self) {
            try await RedisBroadcast(redis, "news", keeping: 10).send("message")
        }
        #expect([lock?.code, event?.code, limit?.code, news?.code] == [code, code, code, code])
    }

    /// All of it works.
    private func use(_ redis: RedisClient) async throws {
        try await eventually {
            try await RedisLock(redis, "lock").withLock { _ in }
            return true
        }
        try await RedisSemaphore(redis, "places", limit: 1).withPlace { _ in }
        try await RedisEvent(redis, "flag").set()
        try await RedisRateLimiter(redis, "limit", rate: 10, per: .seconds(1)).acquire()
        try await RedisBroadcast(redis, "news", keeping: 10).send("message")
    }
}
