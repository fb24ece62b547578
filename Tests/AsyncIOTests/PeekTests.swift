import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct PeekTests {
    @Test func bytesStayInTheStream() async throws {
        let reader = StreamReader()
        try reader.feed([1, 2, 3])
        #expect(try await reader.peek(2) == [1, 2])
        #expect(try await reader.peek(0) == [])
        #expect(try await reader.peek(3) == [1, 2, 3])
        #expect(try await reader.readExactly(3) == [1, 2, 3])
    }

    @Test func itWaitsUntilAllHaveArrived() async throws {
        let reader = StreamReader(limit: 1)
        let task = createTask { try await reader.peek(4) }
        try await sleep(.seconds(1))
        try reader.feed([1, 2])
        try await sleep(.seconds(1))
        #expect(!task.isDone)
        try reader.feed([3, 4, 5])
        #expect(try await task.value == [1, 2, 3, 4])
        reader.feedEOF()
        #expect(try await reader.peek(9) == [1, 2, 3, 4, 5])
        #expect(try await reader.read() == [1, 2, 3, 4, 5])
        #expect(try await reader.peek(1) == [])
    }

    @Test func cancellingLosesNothing() async throws {
        let reader = StreamReader()
        try reader.feed([1])
        let task = createTask { try await reader.peek(2) }
        try await sleep(.seconds(1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try reader.feed([2])
        #expect(try await reader.readExactly(2) == [1, 2])
    }

    @Test func badCallsAreErrors() async throws {
        let reader = StreamReader()
        await #expect(throws: ValueError.self) { try await reader.peek(-1) }
        reader.setError(Boom())
        await #expect(throws: Boom.self) { try await reader.peek(1) }
    }
}
