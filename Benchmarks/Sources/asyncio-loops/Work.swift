import AsyncIO

/// The work of one loop. The functions belong to the loop that calls them.
enum Work: String {
    case spawn, `switch`, lock, queue, timeout, compute

    func perform(_ count: Int) async throws {
        switch self {
        case .spawn: try await spawn(count)
        case .switch: try await switching(count)
        case .lock: try await locking(count)
        case .queue: try await queueing(count)
        case .timeout: try await timing(count)
        case .compute: if computed(count) == 0 { print("zero") }
        }
    }

    /// A task is started, runs, and is awaited; a thousand at a time.
    private func spawn(_ count: Int) async throws {
        var left = count
        while left > 0 {
            let tasks = (0..<min(left, 1_000)).map { _ in createTask {} }
            for task in tasks { try await task.value }
            left -= tasks.count
        }
    }

    /// One of a hundred tasks yields.
    private func switching(_ count: Int) async throws {
        let tasks = (0..<100).map { _ in createTask { for _ in 0..<count / 100 { try await sleep(.zero) } } }
        for task in tasks { try await task.value }
    }

    /// One of a hundred tasks takes a lock, yields, and releases it.
    private func locking(_ count: Int) async throws {
        let lock = Lock()
        let tasks = (0..<100).map { _ in
            createTask {
                for _ in 0..<count / 100 { try await lock.withLock { try await sleep(.zero) } }
            }
        }
        for task in tasks { try await task.value }
    }

    /// A body that does nothing gets a time limit. After every thousand of them, the task yields for one turn of the
    /// loop.
    private func timing(_ count: Int) async throws {
        for number in 1...count {
            try await withTimeout(.seconds(10)) {}
            if number % 1_000 == 0 { try await sleep(.zero) }
        }
    }

    /// An item goes from one task to another through a queue that can hold one item.
    private func queueing(_ count: Int) async throws {
        let queue = Queue<Int>(maxSize: 1)
        let sender = createTask { for item in 0..<count { try await queue.put(item) } }
        for _ in 0..<count { _ = try await queue.get() }
        try await sender.value
    }

    /// Only computes, so that two of them show what the machine's second processor is worth.
    private func computed(_ count: Int) -> UInt64 {
        var state: UInt64 = 1
        for number in 0..<count {
            for _ in 0..<10 { state = state &* 6_364_136_223_846_793_005 &+ UInt64(truncatingIfNeeded: number) }
        }
        return state
    }
}
