import AsyncIO

/// Runs three producers and three consumers, with a condition that announces new items.
func queueWithConditionExample() async throws {
    let queue = Queue<Int>()
    let condition = Condition()
    let consumers = (1...3).map { _ in createTask { try await consume(queue, condition) } }
    try await gather((1...3)) { _ in try await produce(queue, condition) }
    try await queue.join()
    for consumer in consumers { consumer.cancel() }
}

private func produce(_ queue: Queue<Int>, _ condition: Condition) async throws {
    for number in 0..<10 {
        try await condition.withLock {
            try await queue.put(number)
            try condition.notify()
        }
        try await sleep(.zero)
    }
}

private func consume(_ queue: Queue<Int>, _ condition: Condition) async throws {
    while true {
        try await condition.withLock {
            try await condition.wait { !queue.isEmpty }
            print(try queue.getNoWait())
            try queue.taskDone()
        }
    }
}
