// A queue of an EventLoopThread's loop cannot be used on the main actor.
// error: sending
import AsyncIO

@MainActor func fill(_ queue: Queue<Int>) async throws { try await queue.put(1) }

func share(on io: EventLoopThread) async throws {
    try await io.run { _ in
        let queue = Queue<Int>()
        createTask { _ = try await queue.get() }
        try await fill(queue)
    }
}
