import AsyncIO
import Testing

extension Scenario {
    func priorities<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("low", options: JobOptions(priority: .low))
        try await queue.put("normal")
        try await queue.put("high 1", options: JobOptions(priority: .high))
        try await queue.put("high 2", options: JobOptions(priority: .high))
        var jobs: [String] = []
        for _ in 0..<4 {
            let delivery = try await queue.take()
            jobs.append(delivery.job)
            try await delivery.acknowledge()
        }
        #expect(jobs == ["high 1", "high 2", "normal", "low"])
    }

    func delay<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("second", options: JobOptions(delay: .milliseconds(600)))
        try await queue.put("first", options: JobOptions(delay: .milliseconds(400)))
        #expect(try await queue.counts().delayed == 2)
        #expect(try await queue.deliversNothing(for: .milliseconds(200)))
        for job in ["first", "second"] {
            let delivery = try await queue.take()
            #expect(delivery.job == job)
            try await delivery.acknowledge()
        }
    }

    func date<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        let schedule = try Schedule("* * * * *", zone: .utc)
        // In the past, so it is due.
        try await queue.put("past", options: JobOptions(date: .seconds(1_000_000)))
        let far = schedule.next(after: .seconds(32_503_680_000))
        try await queue.put("far", options: JobOptions(id: "far", date: far))
        let delivery = try await queue.take()
        #expect(delivery.job == "past")
        try await delivery.acknowledge()
        #expect(try await queue.deliversNothing())
        #expect(try await queue.status(of: "far")?.state == .delayed)
        try await queue.cancel("far")
    }

    func uniqueness<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        let options = JobOptions(uniqueKey: "report")
        let first = try await queue.put("a", options: options)
        #expect(first.wasAdded)
        #expect(try await queue.put("b", options: options) == JobTicket(id: first.id, wasAdded: false))
        let delivery = try await queue.take()
        #expect(try await queue.put("c", options: options) == JobTicket(id: first.id, wasAdded: false))
        try await delivery.acknowledge()
        #expect(try await queue.put("d", options: options).wasAdded)
        let second = try await queue.take()
        #expect(second.job == "d")
        try await second.acknowledge()
    }

    func identifiers<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        let options = JobOptions(id: "2026-11-29")
        #expect(try await queue.put("a", options: options) == JobTicket(id: "2026-11-29", wasAdded: true))
        #expect(try await queue.put("a", options: options) == JobTicket(id: "2026-11-29", wasAdded: false))
        let delivery = try await queue.take()
        #expect(try await !queue.put("a", options: options).wasAdded)
        try await delivery.acknowledge()
        #expect(try await !queue.put("a", options: options).wasAdded)
        #expect(try await queue.deliversNothing())
    }

    func orderKeys<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for number in 1...3 {
            for key in ["x", "y"] { try await queue.put("\(key)\(number)", options: JobOptions(orderKey: key)) }
        }
        let x1 = try await queue.take()
        let y1 = try await queue.take()
        #expect([x1.job, y1.job] == ["x1", "y1"])
        #expect(try await queue.deliversNothing())
        // A job that is tried again keeps its place.
        try await x1.reject(JobFailure("again"))
        try await y1.acknowledge()
        var jobs: [String] = []
        for _ in 0..<5 {
            let delivery = try await queue.take()
            jobs.append(delivery.job)
            try await delivery.acknowledge()
        }
        #expect(jobs.filter { $0.hasPrefix("x") } == ["x1", "x2", "x3"])
        #expect(jobs.filter { $0.hasPrefix("y") } == ["y2", "y3"])
        #expect(try await queue.counts().unfinished == 0)
    }

    func backPressure<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for job in ["a", "b"] { try await queue.put(job) }
        let waiting = createTask { try await queue.put("c") }
        let cancelled = createTask { try await queue.put("never") }
        try await sleep(.milliseconds(150))
        #expect(!waiting.isDone && !cancelled.isDone)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        let first = try await queue.take()
        try await waiting.value
        #expect(first.job == "a")
        try await first.acknowledge()
        for job in ["b", "c"] {
            let delivery = try await queue.take()
            #expect(delivery.job == job)
            try await delivery.acknowledge()
        }
        #expect(try await queue.counts().unfinished == 0)
    }

    func rate<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for number in 0..<7 { try await queue.put("\(number)") }
        let start = LoopClock().now
        for _ in 0..<7 { try await queue.take().acknowledge() }
        // Two at once, and five at a fifth of a second each.
        #expect(LoopClock().now - start >= .milliseconds(990))
        #expect(try await queue.counts().done == 7)
    }

    func mistakes<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        await #expect(throws: ValueError.self) { try await queue.put("a", options: JobOptions(id: "")) }
        await #expect(throws: ValueError.self) { try await queue.put("a", options: JobOptions(uniqueKey: "")) }
        await #expect(throws: ValueError.self) { try await queue.put("a", options: JobOptions(orderKey: "")) }
        #expect(try await queue.counts().unfinished == 0)
        try await queue.put("a")
        let delivery = try await queue.take()
        await #expect(throws: ValueError.self) { try await delivery.report(progress: 1.5) }
        try await delivery.acknowledge()
        await #expect(throws: ValueError.self) { try await work(on: queue, limit: 0) { _ in } }
    }
}
