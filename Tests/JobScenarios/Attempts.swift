import AsyncIO
import Testing

private struct Fault: Error, CustomStringConvertible {
    var description: String { "no paper" }
}

extension Scenario {
    func retries<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        let first = try await queue.take()
        try await first.reject(Fault())
        #expect(
            try await queue.status(of: "1")
                == JobStatus(id: "1", state: .delayed, attempts: 1, error: "Fault: no paper"))
        let second = try await queue.take()
        #expect(second.attempt == 2 && second.job == "a" && second.fencingToken > first.fencingToken)
        try await second.acknowledge()
        #expect(try await queue.status(of: "1")?.state == .done)
        #expect(try await queue.counts().failures == 1)
    }

    func deadLetter<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1", uniqueKey: "key"))
        for attempt in 1...3 {
            let delivery = try await queue.take()
            #expect(delivery.attempt == attempt)
            try await delivery.reject(Fault())
        }
        try await queue.join()
        let dead = try #require(try await queue.deadJobs(limit: 10).first)
        #expect(dead.id == "1" && dead.job == "a" && dead.error == "Fault: no paper" && dead.attempts == 3)
        #expect(dead.date > .seconds(1))
        #expect(try await queue.counts().dead == 1)
        #expect(try await queue.end(of: "1").state == .dead)
        await #expect(throws: JobFailed.self) { _ = try await queue.result(of: "1", as: Int.self) }
        // Its key is free.
        #expect(try await queue.put("b", options: JobOptions(id: "2", uniqueKey: "key")).wasAdded)
        await #expect(throws: ValueError.self) { try await queue.retryDead("1") }
        #expect(try await queue.retryAllDead() == 0)
        try await queue.take().acknowledge()
        #expect(try await queue.retryDead("1"))
        #expect(try await !queue.retryDead("1"))
        #expect(try await queue.deadJobs().isEmpty)
        let again = try await queue.take()
        #expect(again.id == "1" && again.attempt == 1)
        try await again.acknowledge()
        #expect(try await queue.counts().dead == 0)
        try await queue.join()
    }

    func finalFailure<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        try await queue.take().reject(JobFailure("no such file", isFinal: true))
        #expect(try await queue.deadJobs(limit: 10).map(\.error) == ["no such file"])
        #expect(try await queue.retryAllDead() == 1)
        try await queue.take().acknowledge()
    }

    func retryDelay<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a")
        try await queue.take().reject(JobFailure("busy", retryDelay: .milliseconds(400)))
        #expect(try await queue.deliversNothing(for: .milliseconds(200)))
        #expect(try await queue.counts().delayed == 1)
        try await queue.take().acknowledge()
    }

    func droppedDead<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        try await queue.take().reject(JobFailure("no", isFinal: true))
        #expect(try await queue.dropDead("1"))
        #expect(try await !queue.dropDead("1"))
        #expect(try await queue.status(of: "1") == nil)
        #expect(try await queue.counts().dead == 0)
    }

    func manyDead<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for number in 1...5 {
            try await queue.put("\(number)", options: JobOptions(id: "\(number)"))
            try await queue.take().reject(JobFailure("no", isFinal: true))
        }
        #expect(try await queue.deadJobs(limit: 10).map(\.id) == ["3", "4", "5"])
        #expect(try await queue.deadJobs(limit: 2).map(\.id) == ["3", "4"])
        #expect(try await queue.status(of: "1") == nil)
        #expect(try await queue.counts().dead == 3)
    }

    // MARK: Deliveries

    func expiry<Q: JobQueue>(_ queue: Q, _ other: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        let first = try await queue.take()
        let second = try await other.take()
        #expect(second.id == "1" && second.attempt == 2)
        await #expect(throws: DeliveryLost(id: "1")) { try await first.report(progress: 0.5) }
        #expect(try await queue.renew([first, second]) == [.lost, .renewed])
        await #expect(throws: DeliveryLost(id: "1")) { try await first.acknowledge() }
        // The late acknowledgment has not ended the job.
        #expect(try await queue.status(of: "1")?.state == .running)
        try await second.acknowledge()
        #expect(try await queue.status(of: "1")?.state == .done)
        #expect(try await queue.counts().lost == 1)
        #expect(try await queue.counts().unfinished == 0)
    }

    func expiries<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        for attempt in 1...3 { #expect(try await queue.take().attempt == attempt) }
        #expect(try await queue.deliversNothing(for: .seconds(2)))
        let dead = try #require(try await queue.deadJobs(limit: 1).first)
        #expect(dead.attempts == 3)
        #expect(dead.error == "the worker did not settle the delivery in time")
        #expect(try await queue.counts().lost == 3)
    }

    func renewal<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a")
        let delivery = try await queue.take()
        for _ in 0..<8 {
            #expect(try await queue.renew([delivery]) == [.renewed])
            #expect(try await queue.deliversNothing(for: .milliseconds(150)))
        }
        try await delivery.acknowledge()
    }

    func handBack<Q: JobQueue>(_ queue: Q, _ other: Q) async throws where Q.Job == String {
        for job in ["a", "b"] { try await queue.put(job) }
        let first = try await queue.take()
        try await first.handBack()
        let second = try await other.take()
        #expect(second.job == "a" && second.attempt == 1)
        #expect(second.fencingToken > first.fencingToken)
        try await second.acknowledge()
        let third = try await other.take()
        #expect(third.job == "b")
        try await third.acknowledge()
    }

    func repeatedAcknowledgment<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        let delivery = try await queue.take()
        let acknowledging = createTask(eager: true) { try await delivery.acknowledge() }
        acknowledging.cancel()
        _ = try? await acknowledging.value
        // Whether the first one was carried out is not known.
        if !delivery.isSettled { try await delivery.acknowledge() }
        #expect(try await queue.status(of: "1")?.state == .done)
        #expect(try await queue.counts().done == 1)
    }
}
