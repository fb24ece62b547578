import AsyncIO
import AsyncIOTesting
import Foundation
import JobScenarios
import Testing

@testable import AsyncIORedis

/// Queues in a simulated network, whose server is a model of the scripts.
@Suite struct SimulatedQueueTests {
    private func configuration() -> RedisConfiguration {
        var configuration = RedisConfiguration(host: "redis")
        configuration.commandTimeout = .seconds(3)
        configuration.connectTimeout = .seconds(3)
        return configuration
    }

    // MARK: The model

    /// What the model lacks: order keys, a maximum length, rates, and work that is done once.
    private nonisolated static let scenarios: [Scenario] = Scenario.allCases.filter {
        ![
            .jobsOfAnOrderKeyRunOneAfterTheOther, .jobsThatWaitCanBeCancelled, .aFullQueueLetsProducersWait,
            .aRateLimitsDeliveries, .somethingIsDoneOnce,
        ].contains($0)
    }

    @Test(.simulation, arguments: scenarios) func theModelKeepsTheProtocol(_ scenario: Scenario) async throws {
        let model = QueueModel()
        try Network.current.host("redis") { try await model.serve() }
        try await settled()
        let redis = RedisClient(configuration())
        try await scenario.run { try RedisQueue<String>("test", on: redis, policy: scenario.policy) }
        await redis.close()
    }

    // MARK: Faults

    /// What happened to the jobs, as the test sees it.
    private final class Ledger {
        var put: Set<Int> = []
        var ended: [Int: Int] = [:]
    }

    private let policy = JobPolicy(
        visibility: .seconds(5), maxDeliveries: 1000, backoff: Backoff(initial: .milliseconds(100)),
        retention: .seconds(3600))

    /// Puts jobs again and again, until a run of the program has put all of them.
    private func produce(_ count: Int, _ ledger: Ledger) async throws {
        try await withRedis(configuration()) { redis in
            let queue = try RedisQueue<Int>("test", on: redis, policy: policy)
            for job in 0..<count {
                // What this program put before it was killed is known by its identifier.
                let options = JobOptions(id: "\(job)", delay: job % 3 == 0 ? .milliseconds(500) : nil)
                try await persistently { _ = try await queue.put(job, options: options) }
                ledger.put.insert(job)
                try await sleep(.milliseconds(Network.current.random(in: 1...300)))
            }
        }
    }

    private func work(_ ledger: Ledger) async throws {
        try await withRedis(configuration()) { redis in
            let queue = try RedisQueue<Int>("test", on: redis, policy: policy)
            try await persistently {
                try await AsyncIO.work(on: queue, limit: 3) { delivery in
                    let random = try Network.current.random(in: 1...20)
                    // A few handlers take longer than a delivery is valid, and a few fail.
                    try await sleep(random == 1 ? .seconds(8) : .milliseconds(20 * random))
                    if random == 20 { throw JobFailure("no") }
                    ledger.ended[delivery.job, default: 0] += 1
                }
            }
        }
    }

    /// Repeats a call that fails because the server was away for longer than the queue is patient.
    private func persistently(_ body: () async throws -> Void) async throws {
        try await retry(attempts: .max, when: { RedisError.isPassing($0) }) { try await body() }
    }

    private func check(_ kinds: [Fault.Kind], faults: Int) async throws {
        let network = try Network.current
        network.links.latency = .milliseconds(1)...(.milliseconds(30))
        let (model, ledger) = (QueueModel(), Ledger())
        let redis = try network.host("redis") { try await model.serve() }
        let producer = try network.host("producer") { try await produce(60, ledger) }
        let workers = try network.host("worker", count: 3) { try await work(ledger) }
        try await network.injectFaults(faults, kinds: kinds, on: [redis, producer] + workers, within: .seconds(40))
        // Every program has been restarted, and every partition has healed.
        while producer.isRunning || model.unfinished > 0 { try await sleep(.seconds(1)) }
        #expect(ledger.put.count == 60)
        #expect(ledger.ended.count == 60)
        // The queue has accepted one end of each job.
        #expect(model.done == 60)
        for worker in workers { try await network.crash(worker) }
    }

    @Test(.simulation(seeds: 10, duration: .seconds(3600))) func workersThatCrashLoseNoJob() async throws {
        try await check([.kill, .powerFailure, .pause], faults: 8)
    }

    @Test(.simulation(seeds: 10, duration: .seconds(3600))) func partitionsLoseNoJob() async throws {
        try await check([.partition, .oneWayPartition, .loss, .slowLink], faults: 8)
    }

    @Test(.simulation(seeds: 20, duration: .seconds(3600))) func nothingThatGoesWrongLosesAJob() async throws {
        try await check(Fault.Kind.allCases, faults: 10)
    }

    /// Workers whose clocks are wrong by an hour, and a server whose clock is wrong as well.
    @Test(.simulation(seeds: 5, duration: .seconds(3600))) func wrongClocksNeitherLoseNorStealJobs() async throws {
        let network = try Network.current
        let (model, ledger) = (QueueModel(), Ledger())
        let redis = try network.host("redis") { try await model.serve() }
        redis.clockOffset = .seconds(86_400)
        let producer = try network.host("producer") { try await produce(30, ledger) }
        producer.clockOffset = .seconds(-3600)
        let workers = try network.host("worker", count: 3) { try await work(ledger) }
        for (worker, offset) in zip(workers, [3600, -3600, 0]) { worker.clockOffset = .seconds(offset) }
        while producer.isRunning || model.unfinished > 0 { try await sleep(.seconds(1)) }
        // No job was done twice, although some take longer than a delivery is valid.
        #expect(ledger.ended == Dictionary(uniqueKeysWithValues: (0..<30).map { ($0, 1) }))
        for worker in workers { try await network.crash(worker) }
    }
}
