import AsyncIO
import Testing

extension Scenario {
    func order<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for job in ["a", "b", "c"] { try await queue.put(job) }
        #expect(try await queue.counts().waiting == 3)
        var log: [String] = []
        let joining = createTask {
            try await queue.join()
            log.append("joined")
        }
        for _ in 0..<3 {
            let delivery = try await queue.take()
            #expect(delivery.attempt == 1)
            #expect(try await queue.counts().running == 1)
            log.append(delivery.job)
            try await delivery.acknowledge()
        }
        try await joining.value
        #expect(log == ["a", "b", "c", "joined"])
        let counts = try await queue.counts()
        #expect(counts.unfinished == 0 && counts.done == 3)
    }

    func cancelledReceiver<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        let receivers = (0..<3).map { _ in createTask { try await queue.receive() } }
        try await sleep(.milliseconds(50))
        for receiver in receivers { receiver.cancel() }
        try await queue.put("a")
        for receiver in receivers { await #expect(throws: CancellationError.self) { _ = try await receiver.value } }
        // Cancelled in the moment in which the job comes.
        for turn in 0..<5 {
            let receiver = createTask { try await queue.receive() }
            for _ in 0..<turn { try await sleep(.milliseconds(1)) }
            receiver.cancel()
            if let delivery = try? await receiver.value { try await delivery.handBack() }
        }
        let delivery = try await queue.take()
        #expect(delivery.job == "a" && delivery.attempt == 1)
        try await delivery.acknowledge()
    }

    func iteration<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for job in ["a", "b"] { try await queue.put(job) }
        try await queue.put("later", options: JobOptions(delay: .milliseconds(50)))
        try await queue.shutdown(immediate: false)
        await #expect(throws: QueueShutDown.self) { try await queue.put("too late") }
        var jobs: [String] = []
        for try await delivery in queue.deliveries {
            jobs.append(delivery.job)
            try await delivery.acknowledge()
        }
        #expect(jobs == ["a", "b", "later"])
    }

    func immediateShutdown<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        let receiving = createTask { try await queue.receive() }
        try await sleep(.milliseconds(50))
        try await queue.shutdown(immediate: true)
        await #expect(throws: QueueShutDown.self) { _ = try await receiving.value }
        await #expect(throws: QueueShutDown.self) { _ = try await queue.receive() }
        await #expect(throws: QueueShutDown.self) { try await queue.put("too late") }
    }

    func settledOnce<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a")
        let delivery = try await queue.take()
        #expect(!delivery.isSettled)
        try await delivery.acknowledge()
        #expect(delivery.isSettled)
        await #expect(throws: RuntimeError.self) { try await delivery.acknowledge() }
        await #expect(throws: RuntimeError.self) { try await delivery.reject(JobFailure("late")) }
        await #expect(throws: RuntimeError.self) { try await delivery.handBack() }
        await #expect(throws: RuntimeError.self) { try await delivery.report(progress: 0.5) }
    }

    func context<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        let ticket = try await queue.put(
            "é\u{0}\n\"", options: JobOptions(id: "17", context: ["request": "ä", "": "x"]))
        #expect(ticket == JobTicket(id: "17", wasAdded: true))
        let delivery = try await queue.take()
        #expect(delivery.job == "é\u{0}\n\"")
        #expect(delivery.id == "17")
        #expect(delivery.context == ["request": "ä", "": "x"])
        try await delivery.acknowledge()
    }
}
