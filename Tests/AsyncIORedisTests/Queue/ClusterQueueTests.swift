import AsyncIO
import AsyncIOTesting
import JobScenarios
import Testing

@testable import AsyncIORedis

@Suite(.eventLoop(limit: .seconds(300)), .requires(.redis), .serialized) struct ClusterQueueTests {
    @Test func aQueueInAClusterKeepsTheProtocol() async throws {
        let scenarios: [Scenario] = [
            .jobsComeInOrderAndJoiningWaitsForTheirEnd, .aJobThatAlwaysFailsBecomesADeadLetter,
            .anExpiredDeliveryIsRepeatedAndCannotBeSettled, .jobsOfAnOrderKeyRunOneAfterTheOther,
            .aFullQueueLetsProducersWait, .jobsThatWaitCanBeCancelled, .resultsCanBeAwaited, .somethingIsDoneOnce,
        ]
        try await TestCluster.run { cluster in
            try await withRedis(cluster.url) { redis in
                for scenario in scenarios {
                    try await scenario.run {
                        try RedisQueue<String>("\(scenario)", on: redis, policy: scenario.policy)
                    }
                }
            }
        }
    }

    @Test func aFailoverLosesNoJobThatAReplicaHas() async throws {
        try await TestCluster.run { cluster in
            try await withRedis(cluster.url) { redis in
                let queue = try RedisQueue<Int>("test", on: redis, policy: JobPolicy(visibility: .seconds(2)))
                for job in 0..<200 { try await queue.put(job) }
                let key = "jobs:{test}:all"
                let slot = KeySlot(of: Array(key.utf8)).number
                let replicas = try await redis.withConnection(for: key) { connection in
                    try await connection.send("WAIT", 1, 5000).integer
                }
                #expect(replicas == 1)
                var done: [Int: Int] = [:]
                let worker = createTask {
                    try await work(on: queue, limit: 5) { delivery in
                        done[delivery.job, default: 0] += 1
                        try await sleep(.milliseconds(20))
                    }
                }
                try await eventually { done.count > 20 }
                let master = try await cluster.master(ofSlot: slot)
                await master.kill()
                try await eventually { done.count == 200 }
                try await waitFor(timeout: .seconds(60)) { try await queue.join() }
                worker.cancel()
                _ = try? await worker.value
                // What was acknowledged just before may have been forgotten, and is then done twice.
                #expect(done.values.reduce(0, +) >= 200)
                queue.shutdown(immediate: true)
            }
        }
    }
}

extension TestCluster {
    /// The server that has a slot.
    fileprivate func master(ofSlot slot: Int) async throws -> RedisServer {
        for line in try await servers[0].cli("CLUSTER", "NODES").split(separator: "\n") where line.contains("master") {
            let fields = line.split(separator: " ")
            for range in fields.dropFirst(8) {
                let bounds = range.split(separator: "-").compactMap { Int($0) }
                guard let first = bounds.first, let last = bounds.last, (first...last).contains(slot) else { continue }
                let port = fields[1].split(separator: "@")[0].split(separator: ":").last.flatMap { Int($0) } ?? 0
                return try server(port: port)
            }
        }
        throw TestFailure("no server has slot \(slot)")
    }
}
