import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct PriorityQueueTests {
    @Test func theSmallestIsTheFirstOut() async throws {
        let queue = PriorityQueue<Int>()
        for item in [3, 1, 4, 1, 5, 9, 2, 6] { try await queue.put(item) }
        var items: [Int] = []
        while !queue.isEmpty { items.append(try await queue.get()) }
        #expect(items == [1, 1, 2, 3, 4, 5, 6, 9])
    }

    @Test func itemsAreComparedAsTheySay() async throws {
        struct Job: Comparable {
            let priority: Int
            let name: String
            static func < (left: Job, right: Job) -> Bool {
                (left.priority, left.name) < (right.priority, right.name)
            }
        }
        let queue = PriorityQueue<Job>()
        for (priority, name) in [(2, "a"), (1, "c"), (1, "b")] {
            try queue.putNoWait(Job(priority: priority, name: name))
        }
        #expect(try (0..<3).map { _ in try queue.getNoWait().name } == ["b", "c", "a"])
    }

    @Test func itIsAQueueInEverythingElse() async throws {
        let queue: Queue<Int> = PriorityQueue<Int>(maxSize: 2)
        try queue.putNoWait(2)
        try queue.putNoWait(1)
        #expect(queue.isFull && queue.count == 2)
        #expect(throws: QueueFull.self) { try queue.putNoWait(0) }
        let putter = createTask { try await queue.put(0) }
        try await sleep(.zero)
        #expect(try await queue.get() == 1)
        try await putter.value
        #expect(try await queue.get() == 0)
        queue.shutdown(immediate: true)
        #expect(queue.isEmpty)
    }
}
