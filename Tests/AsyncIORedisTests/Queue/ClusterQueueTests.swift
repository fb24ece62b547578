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

    @Test func failoversLoseNoJobThatAReplicaHas() async throws {
        try await TestCluster.run { cluster in
            try await withRedis(cluster.url) { redis in
                let queue = try RedisQueue<Int>("test", on: redis, policy: JobPolicy(visibility: .seconds(2)))
                for job in 0..<100 { try await queue.put(job) }
                let slot = KeySlot(of: Array("jobs:{test}:all".utf8)).number
                let master = try await cluster.master(ofSlot: slot)
                // All keys of the queue are on one server and its replica.
                let successor = try await cluster.replica(of: master)
                try await master.waitForReplicas(1)
                for server in cluster.servers where ![master.port, successor.port].contains(server.port) {
                    let size = try await server.cli("DBSIZE")
                    #expect(size == "0")
                }
                var done: [Int: Int] = [:]
                let worker = createTask {
                    try await work(on: queue, limit: 5) { delivery in
                        done[delivery.job, default: 0] += 1
                        try await sleep(.milliseconds(20))
                    }
                }
                try await eventually { done.count > 20 }
                // A failover that an administrator asks for.
                _ = try await successor.cli("CLUSTER", "FAILOVER")
                try await eventually { try await cluster.master(ofSlot: slot).port == successor.port }
                for job in 100..<200 { try await queue.put(job) }
                // A failover after a crash. The old master is a replica now.
                try await successor.waitForReplicas(1)
                await successor.kill()
                try await eventually { done.count == 200 }
                try await waitFor(timeout: .seconds(60)) { try await queue.join() }
                worker.cancel()
                _ = try? await worker.value
                #expect(try await queue.counts().unfinished == 0)
                queue.shutdown(immediate: true)
            }
        }
    }
}

extension TestCluster {
    fileprivate func replica(of master: RedisServer) async throws -> RedisServer {
        let line = try await master.cli("CLUSTER", "REPLICAS", try await id(of: master))
        return try server(port: port(in: line.split(separator: " ")[1]))
    }

    /// The port in `127.0.0.1:7000@17000`.
    private func port(in address: Substring) -> Int {
        address.split(separator: "@")[0].split(separator: ":").last.flatMap { Int($0) } ?? 0
    }

    /// The server that has a slot, as the first server sees it.
    fileprivate func master(ofSlot slot: Int) async throws -> RedisServer {
        for line in try await servers[0].cli("CLUSTER", "NODES").split(separator: "\n") where line.contains("master") {
            let fields = line.split(separator: " ")
            for range in fields.dropFirst(8) {
                let bounds = range.split(separator: "-").compactMap { Int($0) }
                guard let first = bounds.first, let last = bounds.last, (first...last).contains(slot) else { continue }
                return try server(port: port(in: fields[1]))
            }
        }
        throw TestFailure("no server has slot \(slot)")
    }
}
