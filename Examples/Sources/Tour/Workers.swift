import AsyncIO

func workers() async throws {
    let queue = Queue<Int>(maxSize: 100)
    let workers = (0..<3).map { number in createTask { try await work(number, on: queue) } }
    for item in 0..<300 { try await queue.put(item) }
    say("Producer done, \(queue.count) items left in the queue")
    queue.shutdown()
    let done = try await gather(workers)
    for (number, items) in done.enumerated() { say("Worker \(number) processed \(items.count) items") }
    let isEachDoneOnce = done.joined().sorted() == Array(0..<300)
    say("Each item processed once: \(isEachDoneOnce)")
}

/// Worker 1 takes twice as long as worker 0, and worker 2 takes three times as long.
private func work(_ number: Int, on queue: Queue<Int>) async throws -> [Int] {
    var done: [Int] = []
    for try await item in queue {
        try await sleep(.milliseconds(10 * (number + 1)))
        done.append(item)
    }
    return done
}
