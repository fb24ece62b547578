import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct PeriodicTicksTests {
    /// The times of the first ticks, and the times at which they are delivered to a consumer that works for some
    /// seconds after each, in seconds.
    private func run(
        _ ticks: Ticks, working: [Double]
    ) async throws -> (due: [Double], delivered: [Double]) {
        let loop = try EventLoop.running
        let start = loop.now
        var (due, delivered): ([Double], [Double]) = ([], [])
        for try await tick in ticks {
            due.append((tick - start) / .seconds(1))
            delivered.append((loop.now - start) / .seconds(1))
            guard due.count <= working.count else { break }
            try await sleep(.seconds(working[due.count - 1]))
        }
        return (due, delivered)
    }

    @Test func ticksDoNotDrift() async throws {
        let times = try await run(ticks(every: .seconds(1)), working: [0.3, 0.9, 0, 0.5])
        #expect(times.due == [1, 2, 3, 4, 5])
        #expect(times.delivered == times.due)
    }

    @Test func theFirstTickCanComeAtOnce() async throws {
        let times = try await run(ticks(every: .seconds(1), startsAtOnce: true), working: [0, 0])
        #expect(times.delivered == [0, 1, 2])
    }

    @Test func missedTicksComeInABurst() async throws {
        let times = try await run(ticks(every: .seconds(1)), working: [2.5, 0, 0, 0])
        #expect(times.due == [1, 2, 3, 4, 5])
        #expect(times.delivered == [1, 3.5, 3.5, 4, 5])
    }

    @Test func missedTicksCanBeSkipped() async throws {
        let times = try await run(ticks(every: .seconds(1), missed: .skip), working: [2.5, 0, 1_000_000.5, 0])
        #expect(times.due == [1, 2, 4, 5, 1_000_005])
        #expect(times.delivered == [1, 3.5, 4, 1_000_004.5, 1_000_005])
    }

    @Test func missedTicksCanDelayTheNextOnes() async throws {
        let times = try await run(ticks(every: .seconds(1), missed: .delay), working: [2.5, 0, 0])
        #expect(times.due == [1, 2, 4.5, 5.5])
        #expect(times.delivered == [1, 3.5, 4.5, 5.5])
    }

    @Test func anIteratorThatWaitsCanBeCancelled() async throws {
        let task = createTask { for try await _ in ticks(every: .seconds(60)) {} }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(try await time { await #expect(throws: CancellationError.self) { try await task.value } } == .zero)
    }

    @Test func anIntervalThatIsNotPositiveIsAMistake() async throws {
        await #expect(throws: ValueError.self) { for try await _ in ticks(every: .zero) {} }
    }
}
