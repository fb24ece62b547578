import AsyncIO

/// Runs three producers and three consumers, with a lock around their work.
func queueWithLockExample() async throws {
    let queue = Queue<Int>()
    let lock = Lock()
    let consumers = (1...3).map { _ in createTask { try await consume(queue, lock) } }
    try await gather((1...3)) { _ in try await produce(queue, lock) }
    try await queue.join()
    for consumer in consumers { consumer.cancel() }
}

private func produce(_ queue: Queue<Int>, _ lock: Lock) async throws {
    for number in 0..<10 {
        try await lock.withLock { try await queue.put(number) }
        try await sleep(.zero)
    }
}

private func consume(_ queue: Queue<Int>, _ lock: Lock) async throws {
    while true {
        let number = try await queue.get()
        try await lock.withLock { print(number) }
        try queue.taskDone()
    }
}
