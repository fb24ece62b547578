import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct AsCompletedTests {
    private func task(_ seconds: Int) -> AsyncTask<Int> {
        createTask {
            try await sleep(.seconds(seconds))
            return seconds
        }
    }

    @Test func tasksComeInTheOrderTheyEndAndAreTheOnesGiven() async throws {
        let tasks = [task(3), task(1), task(2)]
        var seen: [AsyncTask<Int>] = []
        for try await task in asCompleted(tasks) { seen.append(task) }
        #expect(try seen.map { try $0.result() } == [1, 2, 3])
        #expect(Set(seen.map(ObjectIdentifier.init)) == Set(tasks.map(ObjectIdentifier.init)))
    }

    @Test func bodiesBecomeTasks() async throws {
        var seen: [Int] = []
        let tasks = asCompleted([2, 1]) { number in
            try await sleep(.seconds(number))
            return number
        }
        for try await task in tasks { seen.append(try await task.value) }
        #expect(seen == [1, 2])
    }

    @Test func aTaskGivenTwiceComesOnce() async throws {
        let task = task(1)
        var count = 0
        for try await _ in asCompleted([task, task]) { count += 1 }
        #expect(count == 1)
    }

    @Test func ofNothingThereIsNothing() async throws {
        for try await _ in asCompleted([AsyncTask<Int>]()) { Issue.record("yielded an element of an empty list") }
    }

    @Test func theFirstComesAfterThreeTurns() async throws {
        let cost = try await turns {
            for try await _ in asCompleted((0..<3).map { _ in createTask {} }) { break }
        }
        #expect(cost == 3)
    }

    @Test func afterTheTimeoutEveryMissingOneIsAnErrorAndNothingIsCancelled() async throws {
        let tasks = [task(1), task(5), task(6)]
        let sequence = asCompleted(tasks, timeout: .seconds(2))
        var log: [String] = []
        for _ in 0..<4 {
            do {
                guard let task = try await sequence.next() else {
                    log.append("end")
                    break
                }
                log.append("\(try task.result())")
            } catch is TimeoutError {
                log.append("timeout")
            }
        }
        #expect(log == ["1", "timeout", "timeout", "end"])
        #expect(try await gather(tasks) == [1, 5, 6])
    }

    @Test func theTimerGoesWithTheLastOne() async throws {
        let before = try EventLoop.running.timerCount
        for try await _ in asCompleted([createTask {}], timeout: .seconds(100)) {}
        #expect(try EventLoop.running.timerCount == before)
    }

    @Test func anIterationMayBeLeftAndTakenUpAgain() async throws {
        let sequence = asCompleted([task(1), task(2), task(3)])
        var seen: [Int] = []
        for try await task in sequence {
            seen.append(try task.result())
            break
        }
        try await sleep(.seconds(10))
        for try await task in sequence { seen.append(try task.result()) }
        #expect(seen == [1, 2, 3])
    }

    @Test func cancellingTheTaskThatIteratesCancelsNothingElse() async throws {
        let slow = task(5)
        let iterating = createTask { for try await _ in asCompleted([slow]) {} }
        try await settle(2)
        iterating.cancel()
        #expect(await thrown { try await iterating.value } is CancellationError)
        #expect(try await slow.value == 5)
    }

    @Test func failedTasksComeLikeOthers() async throws {
        let failing = createTask { throw Boom(1) }
        for try await task in asCompleted([failing]) { #expect(try task.error() as? Boom == Boom(1)) }
    }
}
