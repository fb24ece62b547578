import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct WaitTests {
    private func task(after seconds: Int, _ body: @escaping () async throws -> Void = {}) -> AsyncTask<Void> {
        createTask {
            try await sleep(.seconds(seconds))
            try await body()
        }
    }

    private func same(_ left: [FutureBase], _ right: [FutureBase]) -> Bool {
        left.map(ObjectIdentifier.init) == right.map(ObjectIdentifier.init)
    }

    @Test func thereMustBeSomethingToWaitFor() async throws {
        #expect(await thrown { try await wait([AsyncTask<Int>]()) } is ValueError)
    }

    @Test func waitingForAllGivesAllInTheOrderGiven() async throws {
        let tasks = [task(after: 3), task(after: 1), task(after: 2)]
        let passed = try await time {
            let (done, pending) = try await wait(tasks)
            #expect(same(done, tasks) && pending.isEmpty)
        }
        #expect(passed == .seconds(3))
    }

    @Test func aTaskGivenTwiceIsThereOnce() async throws {
        let task = task(after: 1)
        let (done, _) = try await wait([task, task])
        #expect(same(done, [task]))
    }

    @Test func tasksAndFuturesMayBeMixed() async throws {
        let future = Future<Int>()
        let task = task(after: 1)
        let mixed: [FutureBase] = [future, task]
        let (done, pending) = try await wait(mixed, returnWhen: .firstCompleted)
        #expect(same(done, [task]) && same(pending, [future]))
    }

    @Test func whenTimeRunsOutNothingIsThrownAndNothingCancelled() async throws {
        let quick = task(after: 1)
        let slow = task(after: 5)
        let passed = try await time {
            let (done, pending) = try await wait([quick, slow], timeout: .seconds(2))
            #expect(same(done, [quick]) && same(pending, [slow]))
        }
        #expect(passed == .seconds(2))
        try await slow.value
    }

    @Test func cancellingTheWaitCancelsNothingElse() async throws {
        let slow = task(after: 5)
        let waiting = createTask { try await wait([slow]) }
        try await settle(2)
        waiting.cancel()
        #expect(await thrown { try await waiting.value } is CancellationError)
        #expect(slow.cancelling == 0)
        try await slow.value
    }

    @Test func theFirstToEndEndsTheWaitWithAllThatEndedByThen() async throws {
        let tasks = [task(after: 2), task(after: 1), task(after: 1)]
        let (done, pending) = try await wait(tasks, returnWhen: .firstCompleted)
        #expect(same(done, Array(tasks[1...])) && same(pending, [tasks[0]]))
    }

    @Test func theFirstToFailEndsTheWait() async throws {
        let failing = task(after: 2) { throw Boom(1) }
        let tasks = [task(after: 1), failing, task(after: 3)]
        let passed = try await time {
            let (done, pending) = try await wait(tasks, returnWhen: .firstException)
            #expect(same(done, [tasks[0], failing]) && same(pending, [tasks[2]]))
        }
        #expect(passed == .seconds(2))
    }

    @Test func aCancelledTaskIsNoFailure() async throws {
        let cancelled = sleeper()
        let slow = task(after: 2)
        try EventLoop.running.callLater(.seconds(1)) { cancelled.cancel() }
        let passed = try await time {
            let (done, pending) = try await wait([cancelled, slow], returnWhen: .firstException)
            #expect(done.count == 2 && pending.isEmpty)
        }
        #expect(passed == .seconds(2))
    }

    @Test func theErrorThatEndsTheWaitCountsAsSeen() async throws {
        let reports = try ReportRecorder()
        do {
            let failing = task(after: 1) { throw Boom(1) }
            _ = try await wait([failing, task(after: 2)], returnWhen: .firstException)
        }
        try await sleep(.seconds(2))
        #expect(reports.reports.isEmpty)
    }

    @Test func waitingForWhatHasEndedCostsTwoTurnsAndForNewTasksThree() async throws {
        let ended = createTask(eager: true) {}
        #expect(try await turns { try await wait([ended]) } == 2)
        #expect(try await turns { try await wait((0..<3).map { _ in createTask {} }) } == 3)
    }

    @Test func theTimerGoesWithTheWait() async throws {
        let before = try EventLoop.running.timerCount
        _ = try await wait([createTask {}], timeout: .seconds(100))
        #expect(try EventLoop.running.timerCount == before)
    }
}
