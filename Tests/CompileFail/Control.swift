// The same objects in one isolation compile without errors.

import AsyncIO

@MainActor func use() async throws {
    let lock = Lock()
    let queue = Queue<Int>()
    let task = createTask { try await lock.withLock { try await queue.put(1) } }
    try await task.value
    try await lock.acquire()
    let sum = try await toThread { (1...3).reduce(0, +) }
    Task { try await queue.put(sum) }
}
