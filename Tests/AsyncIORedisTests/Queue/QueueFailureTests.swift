import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

/// The server of a queue cannot be reached, hangs, is full, or is a replica.
@Suite(.eventLoop, .serialized, .requires(.redis)) struct QueueFailureTests {
    /// - Parameter limit: How long the server may take to answer.
    private func configuration(_ url: String, _ limit: Duration) throws -> RedisConfiguration {
        var configuration = try RedisConfiguration(url: url)
        configuration.commandTimeout = limit
        configuration.connectTimeout = limit
        configuration.backoff = Backoff(initial: .milliseconds(5), maximum: .milliseconds(50), jitter: 0.5)
        return configuration
    }

    /// Opens a queue of numbers, and shuts it down after `body`.
    private func withQueue(
        _ url: String, policy: JobPolicy = JobPolicy(), patience: Duration = .seconds(60),
        limit: Duration = .milliseconds(200), _ body: (RedisQueue<Int>) async throws -> Void
    ) async throws {
        try await withRedis(configuration(url, limit)) { redis in
            let queue = try RedisQueue<Int>("test", on: redis, policy: policy, patience: patience)
            defer { queue.shutdown(immediate: true) }
            try await body(queue)
        }
    }

    // MARK: Partitions

    nonisolated enum Direction: String, CaseIterable { case both, toServer, toClient }

    @Test(arguments: Direction.allCases) func aPartitionThatHealsLosesNoJob(_ direction: Direction) async throws {
        let policy = JobPolicy(visibility: .milliseconds(500))
        try await RedisServer.run { server in
            try await Partition.run(to: server.port) { partition in
                try await withQueue(partition.url, policy: policy) { producer in
                    try await withQueue(partition.url, policy: policy) { consumer in
                        try await withQueue(server.url, policy: policy) { other in
                            try await check(partition, direction, producer, consumer, other)
                        }
                    }
                }
            }
        }
    }

    private func check(
        _ partition: Partition, _ direction: Direction, _ producer: RedisQueue<Int>, _ consumer: RedisQueue<Int>,
        _ other: RedisQueue<Int>
    ) async throws {
        var done: [Int: Int] = [:]
        func handle(_ delivery: Delivery<Int>) async throws {
            try await sleep(.milliseconds(5))
            done[delivery.job, default: 0] += 1
        }
        let worker = createTask { try await work(on: consumer, limit: 5, handle) }
        let producing = createTask {
            for job in 0..<100 {
                // The answer to a put that is repeated is the same as that to the first one.
                let ticket = try await producer.put(job, options: JobOptions(id: "\(job)"))
                #expect(ticket.wasAdded)
            }
        }
        try await eventually { done.count >= 20 }
        partition.hold(toServer: direction != .toClient, toClient: direction != .toServer)
        // A worker on the other side does what can be done: also the jobs whose deliveries expire now.
        let savior = createTask { try await work(on: other, limit: 5, handle) }
        try await other.join()
        #expect(try await other.counts().unfinished == 0)
        partition.heal()
        try await producing.value
        try await other.join()
        for task in [worker, savior] {
            task.cancel()
            _ = try? await task.value
        }
        #expect(done.count == 100)
        #expect(try await other.counts().done == 100)
        // Only jobs whose delivery had expired were done twice.
        let lost = try await other.counts().lost
        #expect(done.values.reduce(0, +) - 100 <= lost)
    }

    @Test func patienceEndsInAPartition() async throws {
        try await RedisServer.run { server in
            try await Partition.run(to: server.port) { partition in
                try await withQueue(partition.url, patience: .milliseconds(1500)) { queue in
                    try await queue.put(1, options: JobOptions(id: "1"))
                    partition.hold(toServer: false)
                    // The connection was open, so the job may be in the queue, and it is.
                    let error = await #expect(throws: (any Error).self) {
                        try await queue.put(2, options: JobOptions(id: "2"))
                    }
                    #expect(error is RedisTimeoutError || error is RedisConnectionError, "\(String(describing: error))")
                    partition.heal()
                    #expect(try await queue.put(2, options: JobOptions(id: "2")).wasAdded == false)
                    #expect(try await queue.counts().waiting == 2)
                }
            }
        }
    }

    // MARK: A server that hangs

    @Test func aServerThatHangsIsWaitedFor() async throws {
        let policy = JobPolicy(visibility: .milliseconds(300), maxDeliveries: 100)
        try await RedisServer.run { server in
            try await withQueue(server.url, policy: policy) { queue in
                var done: Set<Int> = []
                let worker = createTask {
                    try await work(on: queue, limit: 3) { delivery in
                        try await sleep(.milliseconds(200))
                        done.insert(delivery.job)
                    }
                }
                for job in 0..<6 { try await queue.put(job) }
                try await eventually { try await queue.counts().running == 3 }
                server.send(SIGSTOP)
                let putting = createTask { try await queue.put(6, options: JobOptions(id: "6")) }
                // Longer than a delivery is valid.
                try await sleep(.milliseconds(600))
                server.send(SIGCONT)
                #expect(try await putting.value.wasAdded)
                try await queue.join()
                worker.cancel()
                _ = try? await worker.value
                #expect(done == Set(0...6))
                #expect(try await queue.counts().done == 7)
            }
        }
    }

    // MARK: A full server

    @Test func aFullMemoryRefusesOnlyWhatNeedsMemory() async throws {
        try await RedisServer.run { server in
            try await withQueue(server.url, policy: JobPolicy(maxDeliveries: 2), limit: .seconds(10)) { queue in
                for job in 0..<6 { try await queue.put(job, options: JobOptions(id: "\(job)")) }
                let first = try await queue.receive()
                _ = try await server.cli("CONFIG", "SET", "maxmemory", "1")

                // In hand before the memory was full.
                #expect(try await queue.renew([first]) == [.renewed])
                try await first.report(progress: 0.5)
                try await first.acknowledge(returning: "result")
                #expect(try await queue.result(of: "0", as: String.self) == "result")
                // Delivered since.
                let second = try await queue.receive()
                try await second.handBack()
                let again = try await queue.receive()
                #expect(again.id == "1" && again.attempt == 1)
                try await again.reject(JobFailure("again", retryDelay: .zero))
                let retried = try await queue.receive()
                try await retried.acknowledge()
                try await queue.receive().reject(JobFailure("no", isFinal: true))
                #expect(try await queue.cancel("5"))
                #expect(try await queue.counts().dead == 1)

                let dead = try #require(try await queue.deadJobs().first)
                let put = await #expect(throws: RedisError.self) {
                    try await queue.put(7, options: JobOptions(id: "7"))
                }
                let retry = await #expect(throws: RedisError.self) { try await queue.retryDead(dead.id) }
                let once = await #expect(throws: RedisError.self) { try await queue.once("key") {} }
                #expect([put?.code, retry?.code, once?.code] == [.outOfMemory, .outOfMemory, .outOfMemory])
                // Nothing has changed.
                #expect(try await queue.status(of: "7") == nil)
                #expect(try await queue.counts().dead == 1)

                _ = try await server.cli("CONFIG", "SET", "maxmemory", "0")
                #expect(try await queue.retryDead(dead.id))
                #expect(try await queue.once("key") {})
                try await queue.put(7)
                queue.shutdown()
                try await work(on: queue) { _ in }
                #expect(try await queue.counts().unfinished == 0)
            }
        }
    }

    // MARK: Replicas

    @Test func aReplicaIsWaitedForUntilItIsTheMaster() async throws {
        try await RedisServer.run { master in
            try await RedisServer.run(["--replicaof", "127.0.0.1 \(master.port)"]) { replica in
                try await withQueue(master.url) { queue in try await queue.put(1, options: JobOptions(id: "1")) }
                try await master.waitForReplicas(1)
                try await withQueue(replica.url, patience: .milliseconds(200), limit: .seconds(10)) { queue in
                    let put = await #expect(throws: RedisError.self) { try await queue.put(2) }
                    #expect(put?.code == .readOnly)
                    let receive = await #expect(throws: RedisError.self) { _ = try await queue.receive() }
                    #expect(receive?.code == .readOnly)
                }
                try await withQueue(replica.url) { queue in
                    let putting = createTask { try await queue.put(2) }
                    let receiving = createTask { try await queue.receive() }
                    try await sleep(.milliseconds(100))
                    #expect(!putting.isDone && !receiving.isDone)
                    _ = try await replica.cli("REPLICAOF", "NO", "ONE")
                    try await putting.value
                    let first = try await receiving.value
                    #expect(first.job == 1)
                    try await first.acknowledge()
                    try await queue.receive().acknowledge()
                    #expect(try await queue.counts().done == 2)
                }
            }
        }
    }

    /// What the guide says about a failover: what the replica does not have is lost, or done twice.
    @Test func aFailoverForgetsWhatTheReplicaDoesNotHave() async throws {
        try await RedisServer.run { master in
            try await Partition.run(to: master.port) { replication in
                try await RedisServer.run(["--replicaof", "127.0.0.1 \(replication.port)"]) { replica in
                    try await Partition.run(to: master.port) { address in
                        try await withQueue(address.url) { queue in
                            for job in 0..<3 { try await queue.put(job, options: JobOptions(id: "\(job)")) }
                            let known = try await queue.receive()
                            try await known.acknowledge(returning: "early")
                            let running = try await queue.receive()
                            try await master.waitForReplicas(1)
                            #expect(try await replica.cli("HGET", "jobs:{test}:job:1", "s") == "running")

                            replication.hold()
                            try await queue.put(3, options: JobOptions(id: "3"))
                            try await running.acknowledge()
                            let last = try await queue.receive()
                            #expect(last.id == "2")
                            await master.kill()
                            _ = try await replica.cli("REPLICAOF", "NO", "ONE")
                            address.move(to: replica.port)

                            // What was replicated is there.
                            #expect(try await queue.result(of: "0", as: String.self) == "early")
                            // A job whose end was not replicated is running again, and will expire.
                            #expect(try await queue.status(of: "1")?.state == .running)
                            // A job that was put just before is lost. To put it again is safe.
                            #expect(try await queue.status(of: "3") == nil)
                            #expect(try await queue.put(3, options: JobOptions(id: "3")).wasAdded)
                            // A delivery that was not replicated is lost, and its job waits again.
                            await #expect(throws: DeliveryLost(id: "2")) { try await last.acknowledge() }
                            let again = try await queue.receive()
                            #expect(again.id == "2" && again.attempt == 1)
                            try await again.acknowledge()
                            try await queue.receive().acknowledge()
                            #expect(try await queue.counts().running == 1)
                        }
                    }
                }
            }
        }
    }

    @Test func aSentinelFailoverLosesNoJobThatAReplicaHas() async throws {
        try await TestSentinels.run { sentinels in
            let policy = JobPolicy(visibility: .seconds(2))
            try await withQueue(sentinels.url, policy: policy) { producer in
                try await withQueue(sentinels.url, policy: policy) { consumer in
                    for job in 0..<100 { try await producer.put(job, options: JobOptions(id: "\(job)")) }
                    let master = sentinels.servers[0]
                    try await master.waitForReplicas(2)
                    var done: [Int: Int] = [:]
                    let worker = createTask {
                        try await work(on: consumer, limit: 5) { delivery in
                            done[delivery.job, default: 0] += 1
                            try await sleep(.milliseconds(20))
                        }
                    }
                    try await eventually { done.count > 20 }
                    await master.kill()
                    // This waits for the new master.
                    try await producer.put(100, options: JobOptions(id: "100"))
                    try await eventually { done.count == 101 }
                    try await producer.join()
                    worker.cancel()
                    _ = try? await worker.value
                    // The old master comes back as a replica. If the new one is too slow, there is another failover.
                    try await master.start()
                    try await eventually { try await sentinels.roles().sorted() == ["master", "slave", "slave"] }
                    try await eventually { try await producer.counts().unfinished == 0 }
                    try await producer.put(101)
                    try await consumer.receive().acknowledge()
                }
            }
        }
    }
}
