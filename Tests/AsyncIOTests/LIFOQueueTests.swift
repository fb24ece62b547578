import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct LIFOQueueTests {
    @Test func theLastInIsTheFirstOut() async throws {
        let queue = LIFOQueue<Int>()
        for item in 1...3 { try await queue.put(item) }
        #expect(try (0..<3).map { _ in try queue.getNoWait() } == [3, 2, 1])
    }
}
