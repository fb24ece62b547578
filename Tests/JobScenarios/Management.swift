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

    func listing<Q: JobQueue>(_ queue: Q, _ worker: Q) async throws where Q.Job == String {
        for job in ["a", "b"] { try await queue.put(job) }
        #expect(try await queue.workers() == [])
        let (one, two) = (try await worker.take(), try await worker.take())
        let workers = try await queue.workers()
        let first = try #require(workers.first)
        #expect(workers.count == 1 && first.running == 2)
        // The host and the process.
        #expect(first.name.split(separator: ":").count >= 2)
        try await one.acknowledge()
        try await sleep(.milliseconds(300))
        let silent = try await queue.workers()
        #expect(silent.map(\.name) == [first.name] && silent.map(\.running) == [1])
        #expect(silent[0].timeSinceHeartbeat >= .milliseconds(300))
        // Renewing is a heartbeat, and so is waiting.
        let start = LoopClock().now
        #expect(try await worker.renew([two]) == [.renewed])
        let renewed = try await queue.workers()
        #expect(renewed[0].timeSinceHeartbeat <= LoopClock().now - start + .milliseconds(2))
        try await two.acknowledge()
        #expect(try await queue.workers().map(\.running) == [0])
    }

    func joining<Q: JobQueue>(_ queue: Q, _ worker: Q) async throws where Q.Job == String {
        // Nothing to wait for.
        try await queue.join()
        for round in 1...3 {
            for job in 0..<5 { try await queue.put("\(job)") }
            try await queue.put("late", options: JobOptions(delay: .milliseconds(50)))
            let joiners = [queue, worker, queue].map { queue in createTask { try await queue.join() } }
            var ended = 0
            while ended < 6 {
                #expect(!joiners.contains { $0.isDone })
                let delivery = try await worker.take()
                // A job that is retried, cancelled, or a dead letter counts like the others.
                if delivery.job == "0", delivery.attempt == 1 {
                    try await delivery.reject(JobFailure("again", retryDelay: .milliseconds(1)))
                    continue
                }
                ended += 1
                if delivery.job == "1" {
                    try await delivery.reject(JobFailure("no", isFinal: true))
                } else {
                    try await delivery.acknowledge()
                }
            }
            for joiner in joiners { try await joiner.value }
            #expect(try await queue.counts().dead == round)
        }
        try await queue.put("waiting", options: JobOptions(id: "w"))
        let joiner = createTask { try await queue.join() }
        try await sleep(.milliseconds(30))
        #expect(try await worker.cancel("w"))
        try await joiner.value
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
        // A body can take longer than its lease.
        #expect(
            try await queue.once("c", keptFor: .seconds(60), lease: .milliseconds(1500)) {
                try await sleep(.milliseconds(2500))
                await #expect(throws: OnceInProgress(key: "c")) { try await queue.once("c") { runs += 1 } }
            })
        // A body that is cancelled does not count.
        let task = createTask { try await queue.once("d") { try await sleep(.seconds(3600)) } }
        try await sleep(.milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await queue.once("d") { runs += 1 })
        #expect(runs == 4)
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
    case .unrenewed(let error): "unrenewed: \(error)"
    case .unsettled(let error): "unsettled: \(error)"
    }
}
