import AsyncIO
import Testing

extension Scenario {
    func limit<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for number in 0..<20 { try await queue.put("\(number)") }
        try await queue.put("fails")
        try await queue.shutdown(immediate: false)
        var (running, most, done) = (0, 0, Set<String>())
        try await work(on: queue, limit: 4) { delivery in
            running += 1
            most = max(most, running)
            defer { running -= 1 }
            try await sleep(.milliseconds(5))
            if delivery.job == "fails", delivery.attempt < 3 { throw JobFailure("again") }
            done.insert(delivery.job)
        }
        #expect(most == 4)
        #expect(done.count == 21)
        #expect(try await queue.counts().failures == 2)
    }

    func grace<Q: JobQueue>(_ queue: Q) async throws where Q.Job == String {
        for number in 0..<3 { try await queue.put("\(number)") }
        var log: [String] = []
        let worker = createTask {
            try await work(on: queue, limit: 2, grace: .seconds(20), onEvent: { log.append(name($0)) }) { delivery in
                try await sleep(.milliseconds(300))
            }
        }
        while try await queue.counts().running < 2 { try await sleep(.milliseconds(10)) }
        worker.cancel()
        await #expect(throws: CancellationError.self) { try await worker.value }
        #expect(log == ["began", "began", "done", "done"])
        #expect(try await queue.counts().waiting == 1)
        #expect(try await queue.counts().running == 0)
        try await queue.take().acknowledge()
    }

    func handingBack<Q: JobQueue>(_ queue: Q, _ other: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        try await queue.put("b", options: JobOptions(id: "2"))
        var log: [String] = []
        let worker = createTask {
            try await work(on: queue, grace: .milliseconds(50), onEvent: { log.append(name($0)) }) { delivery in
                do { try await sleep(.seconds(3600)) } catch {
                    // A handler that ends after all is not run again.
                    if delivery.job == "a" { throw error }
                }
            }
        }
        while try await queue.counts().running < 2 { try await sleep(.milliseconds(10)) }
        worker.cancel()
        await #expect(throws: CancellationError.self) { try await worker.value }
        #expect(log.sorted() == ["began", "began", "done", "handed back"])
        let again = try await other.take()
        #expect(again.id == "1" && again.attempt == 1)
        try await again.acknowledge()
        #expect(try await queue.counts().unfinished == 0)
    }

    func longHandler<Q: JobQueue>(_ queue: Q, _ other: Q) async throws where Q.Job == String {
        try await queue.put("a", options: JobOptions(id: "1"))
        try await queue.shutdown(immediate: false)
        var thief: AsyncTask<Delivery<String>>?
        try await work(on: queue) { _ in
            thief = createTask { try await other.receive() }
            try await sleep(.seconds(2))
        }
        #expect(try await queue.status(of: "1") == JobStatus(id: "1", state: .done, attempts: 1))
        thief?.cancel()
        _ = try? await thief?.value
    }
}
