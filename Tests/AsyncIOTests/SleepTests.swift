import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct SleepTests {
    @Test(arguments: [Duration.zero, .seconds(-1)])
    func aSleepOfZeroOrLessGivesWayOnce(duration: Duration) async throws {
        #expect(try await turns { try await sleep(duration) } == 1)
        #expect(try await time { try await sleep(duration) } == .zero)
    }

    @Test func aSleepTakesItsTimeAndTwoTurns() async throws {
        #expect(try await time { try await sleep(.seconds(5)) } == .seconds(5))
        // One turn for the timer, and one for the wake-up.
        #expect(try await turns { try await sleep(.seconds(5)) } == 2)
    }

    @Test func aSleepUntilAnInstantEndsThen() async throws {
        let loop = try EventLoop.running
        let target = loop.now + .seconds(3)
        #expect(try await time { try await sleep(until: target) } == .seconds(3))
        #expect(try await turns { try await sleep(until: target) } == 1)
    }

    @Test func sleepersWakeInTheOrderOfTheirDeadlines() async throws {
        var log: [Int] = []
        let tasks = [3, 1, 2].map { number in
            createTask {
                try await sleep(.seconds(number))
                log.append(number)
            }
        }
        try await gather(tasks)
        #expect(log == [1, 2, 3])
    }

    @Test func sleepersWithTheSameDeadlineWakeInTheOrderTheyCame() async throws {
        var log: [Int] = []
        let tasks = (0..<20).map { number in
            createTask {
                try await sleep(.seconds(1))
                log.append(number)
            }
        }
        try await gather(tasks)
        #expect(log == Array(0..<20))
    }

    @Test func aCancelledSleepTakesItsTimerAlong() async throws {
        let task = createTask { try await sleep(.seconds(3600)) }
        try await sleep(.zero)
        task.cancel()
        _ = await thrown { try await task.value }
        // If the timer were still there, the deadlock would be detected an hour later.
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                let task = createTask { try await sleep(.seconds(3600)) }
                try await sleep(.zero)
                task.cancel()
                let loop = try EventLoop.running
                let start = loop.now
                do { try await Future<Void>().value } catch {
                    #expect(loop.now == start)
                    throw error
                }
            }
        }
        #expect(error != nil)
    }

    @Test func theLongestSleepThereIsMayBeCancelled() async throws {
        let task = createTask { try await sleep(.seconds(Int64.max)) }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
    }

    @Test func aHundredThousandSleepersOfAnHourEndAtOnce() async throws {
        var ended = 0
        try await withAsyncTaskGroup { group in
            for number in 0..<100_000 {
                try group.createTask {
                    try await sleep(.seconds(3600) + .nanoseconds(number))
                    ended += 1
                }
            }
        }
        #expect(ended == 100_000)
    }
}
