import AsyncIO
import AsyncIOTesting
import Foundation
import ReplicatedStore
import Testing

@Suite("A replicated store in a simulation") struct ReplicatedStoreTests {
    @Test("without faults, all clients see one list", .simulation(seeds: 5)) func noFaults() async throws {
        var cluster = Cluster()
        cluster.faults = 0
        #expect(try await cluster.violation() == nil)
    }

    /// The number of seeds. Set a larger number for a longer run.
    nonisolated static let seeds = ProcessInfo.processInfo.environment["STORE_SEEDS"].flatMap(UInt64.init) ?? 50

    @Test("no fault makes the store lose or repeat anything", .simulation(seeds: seeds)) func survivesFaults()
        async throws
    {
        #expect(try await Cluster().violation() == nil)
    }

    // The mistakes that tests without a simulation do not find, and the faults that reveal them.

    @Test("a request that is applied twice is found within 200 seeds") func findsRepeats() throws {
        try find(.appliesRepeats, with: [.partition, .loss, .kill])
    }

    @Test("a leader that continues alone is found within 200 seeds") func findsLonelyLeader() throws {
        try find(.goesOnAlone, with: [.oneWayPartition])
    }

    @Test("a change that is acknowledged but not synced is found within 200 seeds") func findsMissingSync() throws {
        try find(.doesNotSync, with: [.powerFailure])
    }

    /// Finds a seed that reveals the mistake, and repeats the run with this seed.
    private func find(_ mistake: Node.Mistakes, with kinds: [Fault.Kind]) throws {
        var cluster = Cluster()
        cluster.mistakes = mistake
        cluster.kinds = kinds
        func violation(_ seed: UInt64) throws -> (String?, UInt64) {
            try simulate(seed: seed) { net in (try await cluster.violation(), net.traceDigest) }
        }
        let seed = try #require(try (0..<200).first { try violation($0).0 != nil })
        let (first, second) = (try violation(seed), try violation(seed))
        #expect(first == second)
        // The same faults do no harm without the mistake.
        cluster.mistakes = []
        #expect(try violation(seed).0 == nil)
    }
}
