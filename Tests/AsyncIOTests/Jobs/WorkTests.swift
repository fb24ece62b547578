import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct WorkTests {
    // MARK: A plain queue

    @Test(arguments: [0, 1, 2]) func aPlainQueueIsAHomeOfJobs(kind: Int) async throws {
        let queue = [Queue<Int>(), LIFOQueue<Int>(), PriorityQueue<Int>()][kind]
        for job in [2, 1, 3] { try await queue.put(job) }
        queue.shutdown()
        var jobs: [Int] = []
        try await work(on: queue, limit: 1) { delivery in jobs.append(delivery.job) }
        #expect(jobs == [[2, 1, 3], [3, 1, 2], [1, 2, 3]][kind])
        try await queue.join()
    }

    @Test func aFailureInAPlainQueueIsReportedAndTheJobIsDone() async throws {
        let reports = try ReportRecorder()
        let queue = Queue<Int>()
        for job in 1...3 { try await queue.put(job) }
        queue.shutdown()
        var failures = 0
        try await work(on: queue, onEvent: { if case .failed = $0.kind { failures += 1 } }) { delivery in
            if delivery.job == 2 { throw Boom(2) }
        }
        #expect(reports.messages == ["A job failed"])
        #expect(failures == 1)
        try await queue.join()
    }

    @Test func aJobHandedBackToAPlainQueueIsInItAgain() async throws {
        let queue = Queue<Int>(maxSize: 1)
        try await queue.put(1)
        let delivery = try await queue.receive()
        try await queue.put(2)
        try await delivery.handBack()
        #expect(queue.count == 2)
        let joining = createTask { try await queue.join() }
        for job in [2, 1] {
            let delivery = try await queue.receive()
            #expect(delivery.job == job)
            #expect(!joining.isDone)
            try await delivery.acknowledge()
        }
        try await joining.value
    }

    @Test func theDeliveriesOfAPlainQueueEndWithIt() async throws {
        let queue = Queue<Int>()
        for job in 1...3 { try await queue.put(job) }
        queue.shutdown()
        var jobs: [Int] = []
        for try await delivery in queue.deliveries {
            jobs.append(delivery.job)
            try await delivery.acknowledge()
        }
        #expect(jobs == [1, 2, 3])
    }

    // MARK: A queue that gives other answers

    /// A queue whose answers the test determines.
    private nonisolated final class Script: WorkQueue {
        var renewals: [DeliveryRenewal] = []
        var settle: (DeliveryAction) async throws -> Void = { _ in }
        var failure: (any Error)?
        private var left: Int
        private let isOver = Event()

        init(_ count: Int) { left = count }

        var renewalInterval: Duration? { .seconds(1) }
        func put(_ job: Int) async throws {}
        func join() async throws {}
        func shutdown(immediate: Bool) async throws { isOver.set() }

        func receive() async throws -> Delivery<Int> {
            guard left > 0 else {
                if let failure { throw failure }
                try await isOver.wait()
                throw QueueShutDown()
            }
            left -= 1
            return Delivery(job: left, id: "\(left)", perform: settle)
        }

        func renew(_ deliveries: [Delivery<Int>]) async throws -> [DeliveryRenewal] {
            guard let next = renewals.popLast() else { throw TestError("not reachable") }
            return deliveries.map { _ in next }
        }
    }

    private func kinds(
        of queue: Script, ending: Bool = true, _ handler: @escaping (Delivery<Int>) async throws -> Void
    ) async throws -> [String] {
        var events: [String] = []
        if ending { try await queue.shutdown(immediate: false) }
        try await work(on: queue, onEvent: { events.append(words($0.kind)) }, handler)
        return events
    }

    private func words(_ kind: JobEvent<Int>.Kind) -> String {
        switch kind {
        case .began: "began"
        case .done: "done"
        case .failed(let error): "failed: \(error)"
        case .handedBack: "handed back"
        case .cancelled: "cancelled"
        case .lost: "lost"
        case .unrenewed(let error): "unrenewed: \(error)"
        case .unsettled(let error): "unsettled: \(error)"
        }
    }

    @Test func aHandlerThatHasLostItsDeliveryIsCancelled() async throws {
        let queue = Script(1)
        queue.renewals = [.lost, .renewed]
        let loop = try EventLoop.running
        let start = loop.now
        #expect(try await kinds(of: queue) { _ in try await sleep(.seconds(3600)) } == ["began", "lost"])
        #expect(loop.now - start == .seconds(2))
    }

    @Test func aRenewalThatFailsIsRepeatedSoon() async throws {
        let queue = Script(1)
        let loop = try EventLoop.running
        let start = loop.now
        try await queue.shutdown(immediate: false)
        createTask {
            try await sleep(.milliseconds(1300))
            queue.renewals = [.lost]
        }
        var events: [String] = []
        try await work(on: queue, onEvent: { events.append(words($0.kind)) }) { _ in try await sleep(.seconds(3600)) }
        #expect(loop.now - start == .milliseconds(1500))
        let failure = "unrenewed: TestError(name: \"not reachable\")"
        #expect(events == ["began", failure, failure, "lost"])
    }

    @Test func aDeliveryThatTurnsOutToBeLostIsNotAnError() async throws {
        let queue = Script(1)
        queue.settle = { _ in throw DeliveryLost(id: "0") }
        #expect(try await kinds(of: queue) { _ in } == ["began", "lost"])
    }

    @Test func aQueueThatCannotBeReachedLeavesTheDeliveryUnsettled() async throws {
        let queue = Script(1)
        queue.settle = { _ in throw TestError("offline") }
        #expect(
            try await kinds(of: queue) { _ in } == ["began", "unsettled: TestError(name: \"offline\")"])
    }

    @Test func anErrorOfTheQueueEndsTheWorkerAfterItsHandlers() async throws {
        let queue = Script(1)
        queue.failure = TestError("gone")
        var hasEnded = false
        await #expect(throws: TestError("gone")) {
            try await work(on: queue) { _ in
                try await sleep(.milliseconds(500))
                hasEnded = true
            }
        }
        #expect(hasEnded)
    }

    @Test func aHandlerCanSettleItsDeliveryItself() async throws {
        let reports = try ReportRecorder()
        var actions = 0
        let queue = Script(2)
        queue.settle = { _ in actions += 1 }
        let events = try await kinds(of: queue) { delivery in
            try await delivery.acknowledge()
            if delivery.job == 0 { throw TestError("late") }
        }
        #expect(events == ["began", "done", "began"])
        #expect(actions == 2)
        #expect(reports.messages == ["The handler of a job failed after it had settled the delivery"])
    }

    @Test func aTaskThatIsCancelledBeforeItBeginsHandsItsJobBack() async throws {
        let queue = Script(1)
        var actions: [String] = []
        queue.settle = { if case .handBack = $0 { actions.append("handed back") } else { actions.append("other") } }
        queue.failure = TestError("gone")
        await #expect(throws: TestError("gone")) {
            try await work(on: queue, grace: .zero) { _ in actions.append("begun") }
        }
        #expect(actions == ["handed back"])
    }

    @Test func anAcknowledgmentIsFinishedWhenItsTaskIsCancelled() async throws {
        let queue = Script(1)
        queue.renewals = Array(repeating: .renewed, count: 10)
        var calls = 0
        queue.settle = { _ in
            calls += 1
            try await sleep(.seconds(1))
        }
        var events: [String] = []
        let worker = createTask {
            try await work(on: queue, grace: .zero, onEvent: { events.append(words($0.kind)) }) { _ in }
        }
        try await sleep(.milliseconds(500))
        worker.cancel()
        await #expect(throws: CancellationError.self) { try await worker.value }
        // The second call finds out what became of the first one.
        #expect(calls == 2)
        #expect(events == ["began", "done"])
    }
}
