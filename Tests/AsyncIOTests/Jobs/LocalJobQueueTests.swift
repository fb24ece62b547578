import AsyncIO
import AsyncIOTesting
import JobScenarios
import Testing

@Suite(.virtualTime) struct LocalJobQueueTests {
    @Test(arguments: Scenario.allCases) func theQueueKeepsTheProtocol(_ scenario: Scenario) async throws {
        let queue = LocalJobQueue<String>(policy: scenario.policy)
        try await scenario.run { queue }
    }

    @Test(
        .seeds(30),
        arguments: [Scenario.aCancelledReceiverLosesNoJob, .aWorkerRunsAtMostItsLimit, .resultsCanBeAwaited])
    func noScheduleBreaksIt(_ scenario: Scenario) async throws {
        let queue = LocalJobQueue<String>(policy: scenario.policy)
        try await scenario.run { queue }
    }

    @Test func timeIsThatOfTheLoop() async throws {
        let queue = LocalJobQueue<String>()
        let loop = try EventLoop.running
        let start = loop.now
        try await queue.put("tomorrow", options: JobOptions(delay: .seconds(86_400)))
        let delivery = try await queue.receive()
        #expect(loop.now - start == .seconds(86_400))
        try await delivery.acknowledge()
    }

    @Test func theDelayBetweenAttemptsGrows() async throws {
        let policy = JobPolicy(maxDeliveries: 5, backoff: Backoff(initial: .seconds(1), factor: 3))
        let queue = LocalJobQueue<String>(policy: policy)
        let loop = try EventLoop.running
        var times: [Double] = []
        let start = loop.now
        try await queue.put("a")
        queue.shutdown()
        try await work(on: queue) { _ in
            times.append((loop.now - start) / .seconds(1))
            throw TestError("no")
        }
        #expect(times == [0, 1, 4, 13, 40])
        #expect(try await queue.deadJobs().count == 1)
    }

    @Test func anEndedJobIsForgottenAfterItsRetention() async throws {
        let queue = LocalJobQueue<String>(policy: JobPolicy(retention: .seconds(60)))
        try await queue.put("a", options: JobOptions(id: "1"))
        try await queue.receive().acknowledge()
        try await sleep(.seconds(59))
        #expect(try await queue.status(of: "1")?.state == .done)
        try await sleep(.seconds(2))
        #expect(try await queue.status(of: "1") == nil)
        #expect(try await queue.put("a", options: JobOptions(id: "1")).wasAdded)
    }

    @Test func theQueueIsReleasedAlthoughATimerIsSet() async throws {
        weak var released: LocalJobQueue<String>?
        do {
            let queue = LocalJobQueue<String>()
            released = queue
            try await queue.put("a", options: JobOptions(delay: .seconds(3600)))
            #expect(released != nil)
        }
        #expect(released == nil)
    }

    @Test func rulesFromOutsideAreChecked() throws {
        var policy = JobPolicy()
        policy.maxDeliveries = 0
        #expect(throws: ValueError.self) { try LocalJobQueue<String>(validating: policy) }
        policy = JobPolicy(visibility: .milliseconds(9))
        #expect(throws: ValueError.self) { try LocalJobQueue<String>(validating: policy) }
        policy = JobPolicy(retention: .zero)
        #expect(throws: ValueError.self) { try LocalJobQueue<String>(validating: policy) }
        policy = JobPolicy(maxDead: 0)
        #expect(throws: ValueError.self) { try LocalJobQueue<String>(validating: policy) }
        for rate in [JobPolicy.Rate(0, per: .seconds(1)), .init(1, per: .zero), .init(1, per: .seconds(1), burst: 0)] {
            #expect(throws: ValueError.self) { try LocalJobQueue<String>(validating: JobPolicy(rate: rate)) }
        }
    }
}
