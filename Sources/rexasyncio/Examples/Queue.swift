import AsyncIO

/// Runs a producer, which puts a number into a queue every second, and a consumer.
func queueExample() async throws {
    let queue = Queue<Int?>()
    let consumer = createTask { try await consume(queue) }
    try await produce(queue)
    try await queue.join()
    consumer.cancel()
}

private func produce(_ queue: Queue<Int?>) async throws {
    for number in 0..<10 {
        try await queue.put(number)
        try await sleep(.seconds(1))
    }
    // This marks the end.
    try await queue.put(nil)
}

private func consume(_ queue: Queue<Int?>) async throws {
    while true {
        if let number = try await queue.get() { print(number) }
        try queue.taskDone()
    }
}
