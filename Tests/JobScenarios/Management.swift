import AsyncIO
import Testing

extension Scenario {
    func pausing<Q: JobQueue>(_ queue: Q, _ other: Q) async throws where Q.Job == String {
        try await queue.pause()
        try await queue.put("a")
        #expect(try await other.deliversNothing())
        #expect(try await other.counts().isPaused)
        let receiving = createTask { try await other.receive() }
        try await sleep(.milliseconds(50))
        try await queue.resume()
        let delivery = try await receiving.value
        #expect(delivery.job == "a")
        try await delivery.acknowledge()
        #expect(try await !other.counts().isPaused)
    }

    func cancellation<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("waiting", options: JobOptions(id: "1", uniqueKey: "key", orderKey: "line"))
        try await queue.put("held", options: JobOptions(id: "2", orderKey: "line"))
        try await queue.put("delayed", options: JobOptions(id: "3", delay: .seconds(60)))
        try await queue.put("last", options: JobOptions(id: "4", orderKey: "line"))
        #expect(try await queue.cancel("2"))
        #expect(try await queue.cancel("1"))
        #expect(try await queue.cancel("3"))
        #expect(try await !queue.cancel("3"))
        #expect(try await !queue.cancel("unknown"))
        let delivery = try await queue.take()
        #expect(delivery.id == "4")
        try await delivery.acknowledge()
        #expect(try await !queue.cancel("4"))
        #expect(try await queue.counts().unfinished == 0)
        #expect(try await queue.status(of: "1")?.state == .cancelled)
        await #expect(throws: JobFailed.self) { _ = try await queue.result(of: "3", as: Int.self) }
        #expect(try await queue.put("again", options: JobOptions(uniqueKey: "key")).wasAdded)
        try await queue.take().acknowledge()
    }

    func cancellationOfRunning<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        var events: [String] = []
        let worker = createTask {
            try await work(on: queue, onEvent: { events.append(name($0)) }) { _ in try await sleep(.seconds(3600)) }
        }
        while try await queue.counts().running == 0 { try await sleep(.milliseconds(10)) }
        #expect(try await queue.cancel("1"))
        #expect(try await waitFor(timeout: .seconds(10)) { try await queue.end(of: "1") }.state == .cancelled)
        try await queue.join()
        await end(worker)
        #expect(events == ["began", "cancelled"])
        #expect(try await queue.counts().unfinished == 0)
    }

    func results<Q: JobQueue>(_ queue: Q, _ other: Q) async throws where Q.Job == String {
        let worker = createTask {
            try await work(on: other, limit: 4) { delivery in delivery.result = delivery.job.count }
        }
        let results = try await gather(1...20) { number in
            let ticket = try await queue.put(String(repeating: "x", count: number), options: JobOptions())
            return try await waitFor(timeout: .seconds(20)) { try await queue.result(of: ticket.id, as: Int.self) }
        }
        #expect(results == Array(1...20))
        await end(worker)
    }

    func missingResults<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        await #expect(throws: UnknownJob(id: "1")) { _ = try await queue.end(of: "1") }
        #expect(try await queue.status(of: "1") == nil)
        try await queue.put("a", options: JobOptions(id: "1"))
        let waiting = createTask { try await queue.result(of: "1", as: [String].self) }
        try await sleep(.milliseconds(50))
        try await queue.take().acknowledge()
        await #expect(throws: ValueError.self) { _ = try await waiting.value }
        try await queue.put("b", options: JobOptions(id: "2"))
        try await queue.take().acknowledge(returning: ["x": 1])
        await #expect(throws: ValueError.self) { _ = try await queue.result(of: "2", as: [String].self) }
        #expect(try await queue.result(of: "2", as: [String: Int].self) == ["x": 1])
    }

    func progress<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        let delivery = try await queue.take()
        #expect(try await queue.status(of: "1")?.progress == nil)
        try await delivery.report(progress: 0.25)
        #expect(
            try await queue.status(of: "1") == JobStatus(id: "1", state: .running, attempts: 1, progress: 0.25))
        try await delivery.acknowledge()
    }

    func once<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        var runs = 0
        await #expect(throws: JobFailure.self) { try await queue.once("a") { throw JobFailure("no") } }
        #expect(
            try await queue.once("a") {
                runs += 1
                await #expect(throws: OnceInProgress(key: "a")) { try await queue.once("a") { runs += 1 } }
            })
        #expect(try await !queue.once("a") { runs += 1 })
        #expect(runs == 1)
        // It is remembered for a while.
        #expect(try await queue.once("b", keptFor: .milliseconds(100), lease: .seconds(5)) { runs += 1 })
        try await sleep(.milliseconds(200))
        #expect(try await queue.once("b", keptFor: .milliseconds(100), lease: .seconds(5)) { runs += 1 })
        #expect(runs == 3)
    }
}

func name<Job>(_ event: JobEvent<Job>) -> String {
    switch event.kind {
    case .began: "began"
    case .done: "done"
    case .failed(let error): "failed: \(error)"
    case .handedBack: "handed back"
    case .cancelled: "cancelled"
    case .lost: "lost"
    case .unsettled(let error): "unsettled: \(error)"
    }
}
