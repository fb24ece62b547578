// A queue serves the tasks of one isolation.
// error: sending 'queue' risks causing data races

import AsyncIO

actor Consumer {
    func take(from queue: Queue<Int>) async throws -> Int { try await queue.get() }
}

@MainActor func use(_ consumer: Consumer) async throws {
    let queue = Queue<Int>()
    async let item = consumer.take(from: queue)
    try await queue.put(1)
    _ = try await item
}
