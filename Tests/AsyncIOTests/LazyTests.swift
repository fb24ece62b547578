import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct LazyTests {
    @Test func theValueIsMadeOnceForAll() async throws {
        var made = 0
        let lazy = Lazy {
            made += 1
            try await sleep(.seconds(1))
            return made
        }
        #expect(lazy.valueIfReady == nil)
        try await sleep(.seconds(1))
        #expect(made == 0)
        var values: [Int] = []
        let duration = try await time { values = try await gather(0..<5) { _ in try await lazy.value } }
        #expect(values == [1, 1, 1, 1, 1])
        #expect(duration == .seconds(1))
        #expect(try await turns { _ = try await lazy.value } == 0)
        #expect(lazy.valueIfReady == 1)
    }

    @Test func anErrorReachesAllThatWaitAndTheNextOneTriesAgain() async throws {
        var attempts = 0
        let lazy = Lazy {
            attempts += 1
            try await sleep(.seconds(1))
            if attempts == 1 { throw Boom(attempts) }
            return attempts
        }
        let results = try await gatherResults((0..<3).map { _ in createTask { try await lazy.value } })
        for result in results { #expect(throws: Boom(1)) { try result.get() } }
        #expect(try await lazy.value == 2)
    }

    @Test func aCancelledTaskDoesNotStopTheWorkOfOthers() async throws {
        let lazy = Lazy {
            try await sleep(.seconds(2))
            return 7
        }
        let tasks = (0..<2).map { _ in createTask { try await lazy.value } }
        try await sleep(.seconds(1))
        tasks[0].cancel()
        await #expect(throws: CancellationError.self) { try await tasks[0].value }
        #expect(try await tasks[1].value == 7)
    }

    @Test func workThatNobodyWaitsForIsCancelledAndStartsAnew() async throws {
        var log: [String] = []
        let lazy = Lazy {
            log.append("begin")
            do { try await sleep(.seconds(2)) } catch {
                log.append("cancelled")
                throw error
            }
            return 7
        }
        let task = createTask { try await lazy.value }
        try await sleep(.seconds(1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await lazy.value == 7)
        #expect(log == ["begin", "cancelled", "begin"])
    }

    @Test func resettingMakesItAgain() async throws {
        var made = 0
        let lazy = Lazy {
            made += 1
            try await sleep(.seconds(1))
            return made
        }
        #expect(try await lazy.value == 1)
        lazy.reset()
        let old = createTask { try await lazy.value }
        try await sleep(.milliseconds(1))
        lazy.reset()
        #expect(try await lazy.value == 3)
        #expect(try await old.value == 3)
        #expect(lazy.valueIfReady == 3)
    }

    @Test(.seeds(50)) func everyScheduleGivesAllTheSameValue() async throws {
        var made = 0
        let lazy = Lazy {
            made += 1
            try await sleep(.zero)
            return made
        }
        let tasks = (0..<8).map { _ in createTask { try await lazy.value } }
        for task in tasks.dropFirst(4) {
            try await sleep(.zero)
            task.cancel()
        }
        let results = try await gatherResults(tasks)
        let values = try results.prefix(4).map { try $0.get() }
        #expect(Set(values).count == 1)
        #expect(lazy.valueIfReady == values[0])
    }

    @Test func theWorkCannotWaitForItself() async throws {
        var lazy: Lazy<Int>?
        lazy = Lazy { try await lazy?.value ?? 0 }
        await #expect(throws: RuntimeError.self) { try await lazy?.value }
        lazy = nil
    }
}
