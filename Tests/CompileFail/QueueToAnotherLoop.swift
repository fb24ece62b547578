// A queue belongs to one loop. Two actors on two loops cannot share it.
// error: sending
import AsyncIO

actor Shard {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
    init(on io: EventLoopThread) { self.io = io }

    func fill(_ queue: Queue<Int>) async throws { try await queue.put(1) }

    func share(with other: Shard) async throws {
        let queue = Queue<Int>()
        createTask { _ = try await queue.get() }
        try await other.fill(queue)
    }
}
