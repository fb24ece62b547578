import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct LatchTests {
    @Test func waitingEndsAtZero() async throws {
        let latch = Latch(3)
        for seconds in 1...3 {
            createTask {
                try await sleep(.seconds(seconds))
                try latch.countDown()
            }
        }
        #expect(try await time { try await latch.wait() } == .seconds(3))
        #expect(latch.count == 0)
        #expect(try await turns { try await latch.wait() } == 0)
    }

    @Test func severalCanBeCountedAtOnce() async throws {
        let latch = Latch(3)
        try latch.countDown(by: 2)
        #expect(latch.count == 1)
        #expect(throws: ValueError.self) { try latch.countDown(by: 2) }
        #expect(throws: ValueError.self) { try latch.countDown(by: 0) }
        #expect(latch.count == 1)
        try latch.countDown()
        #expect(throws: ValueError.self) { try latch.countDown() }
    }

    @Test func aCancelledTaskStopsWaiting() async throws {
        let latch = Latch(1)
        let task = createTask { try await latch.wait() }
        try await sleep(.seconds(1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(latch.count == 1)
    }

    @Test func aLatchOfZeroIsOpenAndOneBelowIsAMistake() async throws {
        try await Latch(0).wait()
        #expect(throws: ValueError.self) { try Latch(validating: -1) }
        #expect(try Latch(validating: 2).count == 2)
    }

    @Test(.seeds(100)) func noScheduleLetsATaskPassTooEarlyOrForgetsOne() async throws {
        let latch = Latch(6)
        let waiting = (0..<8).map { _ in
            createTask {
                for _ in 0..<Int.random(in: 0...3) { try await sleep(.zero) }
                try await latch.wait()
                #expect(latch.count == 0)
            }
        }
        let counting = (0..<3).map { _ in
            createTask {
                for _ in 0..<2 {
                    for _ in 0..<Int.random(in: 0...3) { try await sleep(.zero) }
                    try latch.countDown()
                }
            }
        }
        for task in waiting.prefix(4) {
            try await sleep(.zero)
            task.cancel()
        }
        try await gather(counting)
        let results = try await gatherResults(waiting)
        for result in results.dropFirst(4) { try result.get() }
        for case .failure(let error) in results { #expect(error is CancellationError) }
        #expect(latch.count == 0)
        #expect(try await turns { try await latch.wait() } == 0)
    }
}
