import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ConcurrentMapTests {
    /// Counts how many calls run at once.
    private final class Load {
        private(set) var now = 0
        private(set) var most = 0
        private(set) var begun = 0
        private(set) var cancelled = 0

        func work(_ seconds: Int) async throws -> Int {
            now += 1
            begun += 1
            most = max(most, now)
            defer { now -= 1 }
            do {
                try await sleep(.seconds(seconds))
            } catch {
                cancelled += 1
                throw error
            }
            return seconds
        }
    }

    @Test func resultsComeInTheOrderOfTheElements() async throws {
        var results: [Int] = []
        let duration = try await time {
            for try await seconds in concurrentMap([3, 1, 2], limit: 3, { try await Load().work($0) }) {
                results.append(seconds)
            }
        }
        #expect(results == [3, 1, 2])
        #expect(duration == .seconds(3))
    }

    @Test func resultsMayComeAsTheyAreReady() async throws {
        var results: [Int] = []
        for try await seconds in concurrentMap([3, 1, 2], limit: 3, ordered: false, { try await Load().work($0) }) {
            results.append(seconds)
        }
        #expect(results == [1, 2, 3])
    }

    @Test(arguments: [true, false]) func noMoreThanTheLimitRunAtATime(ordered: Bool) async throws {
        let load = Load()
        var count = 0
        for try await _ in concurrentMap(0..<100, limit: 7, ordered: ordered, { try await load.work($0 % 3) }) {
            count += 1
        }
        #expect(count == 100)
        #expect(load.most == 7)
    }

    @Test(arguments: [true, false]) func aSlowConsumerStopsTheSource(ordered: Bool) async throws {
        let load = Load()
        var taken = 0
        var ahead = 0
        for try await _ in concurrentMap(0..<50, limit: 4, ordered: ordered, { _ in try await load.work(1) }) {
            taken += 1
            try await sleep(.seconds(10))
            ahead = max(ahead, load.begun - taken)
        }
        #expect(taken == 50)
        #expect(ahead == 4)
    }

    @Test func anAsyncSourceIsPulledOnlyWhenThereIsRoom() async throws {
        var pulled = 0
        let source = AsyncGenerator<Int> { yield in
            for number in 0..<10 {
                pulled += 1
                try await yield(number)
            }
        }
        var results: [Int] = []
        let duration = try await time {
            for try await number in concurrentMap(source, limit: 2, { try await Load().work(1) * $0 }) {
                results.append(number)
                #expect(pulled <= results.count + 3)
            }
        }
        #expect(results == Array(0..<10))
        #expect(duration == .seconds(5))
    }

    @Test func anErrorComesInItsPlaceAndCancelsTheRest() async throws {
        let reports = try ReportRecorder()
        let load = Load()
        var results: [Int] = []
        await #expect(throws: Boom(2)) {
            let numbers = concurrentMap(0..<10, limit: 4) { number in
                if number == 2 { throw Boom(2) }
                return try await load.work(number + 1)
            }
            for try await seconds in numbers { results.append(seconds) }
        }
        try await settle()
        #expect(results == [1, 2])
        #expect(load.now == 0)
        #expect(load.cancelled > 0)
        #expect(reports.messages == [])
    }

    @Test func errorsThatNobodyCanSeeAnyMoreAreNotReported() async throws {
        let reports = try ReportRecorder()
        await #expect(throws: Boom(1)) {
            for try await _ in concurrentMap(0..<5, limit: 5, { if $0 > 0 { throw Boom($0) } }) {
                try await sleep(.seconds(1))
            }
        }
        try await settle()
        #expect(reports.messages == [])
    }

    @Test func anErrorOfTheSourceComesAfterWhatItGave() async throws {
        let source = AsyncGenerator<Int> { yield in
            try await yield(1)
            try await yield(2)
            throw Boom(3)
        }
        var results: [Int] = []
        await #expect(throws: Boom(3)) {
            for try await number in concurrentMap(source, limit: 5, { try await Load().work($0) }) {
                results.append(number)
            }
        }
        #expect(results == [1, 2])
    }

    @Test func aConsumerThatLeavesCancelsEverything() async throws {
        let load = Load()
        var isSourceClosed = false
        let source = AsyncGenerator<Int> { yield in
            defer { isSourceClosed = true }
            for number in 1... { try await yield(number) }
        }
        for try await number in concurrentMap(source, limit: 3, { try await load.work($0) }) where number == 2 { break }
        try await settle()
        #expect(load.now == 0)
        #expect(isSourceClosed)
        let begun = load.begun
        try await sleep(.seconds(60))
        #expect(load.begun == begun)
    }

    @Test func cancellingTheConsumerCancelsEverything() async throws {
        let load = Load()
        let task = createTask {
            for try await _ in concurrentMap(1...100, limit: 3, { _ in try await load.work(10) }) {}
        }
        try await sleep(.seconds(15))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await settle()
        #expect(load.now == 0)
        #expect(load.begun == 6)
    }

    @Test func anEmptySourceGivesNothing() async throws {
        for try await _ in concurrentMap([Int](), limit: 3, { $0 }) { Issue.record("a result from an empty sequence") }
    }

    @Test func aLimitOfNobodyIsAMistake() async throws {
        await #expect(throws: ValueError.self) {
            for try await _ in concurrentMap([1], limit: 0, { $0 }) {}
        }
    }

    @Test func theEndStaysTheEnd() async throws {
        let iterator = concurrentMap([1], limit: 1) { $0 }.makeAsyncIterator()
        #expect(try await iterator.next() == 1)
        #expect(try await iterator.next() == nil)
        #expect(try await iterator.next() == nil)
    }
}
