import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct GatherTests {
    private func task(_ number: Int, after delay: Duration = .zero, fails: Bool = false) -> AsyncTask<Int> {
        createTask {
            try await sleep(delay)
            if fails { throw Boom(number) }
            return number
        }
    }

    // MARK: Values

    @Test func gatheringNothingGivesNothingAtOnce() async throws {
        #expect(try await turns { try await gather([AsyncTask<Int>]()) } == 0)
        let future = gatherFuture([AsyncTask<Int>]())
        #expect(try future.result() == [])
    }

    @Test func valuesComeInTheOrderOfTheArguments() async throws {
        let values = try await gather([task(1, after: .seconds(3)), task(2, after: .seconds(1)), task(3)])
        #expect(values == [1, 2, 3])
    }

    @Test func valuesOfDifferentTypesComeAsATuple() async throws {
        let future = Future<String>()
        try EventLoop.running.callLater(.seconds(1)) { try future.setResult("two") }
        let (one, two) = try await gather(task(1), future)
        #expect(one == 1 && two == "two")
    }

    @Test func bodiesBecomeTasks() async throws {
        let passed = try await time {
            let (one, two, _) = try await gather(
                { try await self.task(1, after: .seconds(2)).value }, { "two" }, { try await sleep(.seconds(2)) })
            #expect(one == 1 && two == "two")
        }
        #expect(passed == .seconds(2))
        #expect(try await gather(0..<5) { $0 } == [0, 1, 2, 3, 4])
    }

    @Test func bodiesThatEndAtOnceCostThreeTurns() async throws {
        #expect(try await turns { try await gather(0..<5) { $0 } } == 3)
    }

    @Test func aBodyThatAwaitsWithoutSuspendingCostsTheSame() async throws {
        func same(_ number: Int) async throws -> Int { number }
        #expect(try await turns { try await gather(0..<5) { number in try await same(number) } } == 3)
    }

    @Test func tasksThatHaveEndedAreGatheredAtOnce() async throws {
        let tasks = (0..<3).map { number in createTask(eager: true) { number } }
        let future = gatherFuture(tasks)
        #expect(try future.result() == [0, 1, 2])
        #expect(try await turns { try await gather(tasks) } == 0)
    }

    @Test func theSameTaskMayBeThereTwice() async throws {
        let once = task(7, after: .seconds(1))
        #expect(try await gather([once, task(1), once]) == [7, 1, 7])
    }

    // MARK: Failures

    @Test func theFirstFailureIsThrownAndTheOthersRunOn() async throws {
        let slow = task(1, after: .seconds(5))
        let passed = try await time {
            let error = await thrown { try await gather([slow, task(2, after: .seconds(1), fails: true)]) }
            #expect(error as? Boom == Boom(2))
        }
        #expect(passed == .seconds(1))
        #expect(!slow.isDone)
        #expect(try await slow.value == 1)
    }

    @Test func laterFailuresAreNotReported() async throws {
        let reports = try ReportRecorder()
        _ = await thrown { try await gather([task(1, fails: true), task(2, fails: true)]) }
        _ = await thrown {
            try await gather([task(3, fails: true), task(4, after: .seconds(1), fails: true)])
        }
        try await sleep(.seconds(2))
        #expect(reports.reports.isEmpty)
    }

    @Test func aCancelledChildIsAFailureThatCancelsNobody() async throws {
        let sibling = task(1, after: .seconds(5))
        let child = sleeper()
        let outer = createTask { try await gather([createTask { _ = try await sibling.value }, child]) }
        try await settle(3)
        child.cancel("child")
        _ = await thrown { try await outer.value }
        #expect(currentTask()?.cancelMessage == "child")
        #expect(outer.cancelling == 0, "its cancellation was not requested")
        #expect(!sibling.isDone)
    }

    @Test func errorsAndCancellationsAreResultsIfWanted() async throws {
        let cancelled = sleeper()
        try await sleep(.zero)
        cancelled.cancel()
        let numbers = createTask { () async throws -> Int in
            try await cancelled.value
            return 0
        }
        let results = try await gatherResults([task(1, after: .seconds(1)), task(2, fails: true), numbers])
        #expect(try results[0].get() == 1)
        #expect(throws: Boom(2)) { try results[1].get() }
        #expect(throws: CancellationError.self) { try results[2].get() }
    }

    @Test func lookingAtResultsLeavesTheMessageToThoseWhoAwait() async throws {
        let cancelled = sleeper()
        try await sleep(.zero)
        cancelled.cancel("for you")
        _ = try await gatherResults([cancelled])
        _ = await thrown { try await cancelled.value }
        #expect(currentTask()?.cancelMessage == "for you")
    }

    // MARK: Cancellation

    @Test(arguments: [false, true])
    func cancellingTheTaskThatWaitsCancelsAll(keepsErrors: Bool) async throws {
        let children = (1...3).map { number in
            createTask {
                do { try await sleep(.seconds(10)) } catch {
                    try await sleep(.seconds(number))
                    throw error
                }
            }
        }
        let outer = createTask {
            if keepsErrors { _ = try await gatherResults(children) } else { try await gather(children) }
        }
        try await settle(3)
        outer.cancel("all")
        let passed = try await time { #expect(await thrown { try await outer.value } is CancellationError) }
        // The first one that is cancelled counts as an error, which ends the wait.
        #expect(passed == .seconds(keepsErrors ? 3 : 1))
        #expect(children.map(\.cancelling) == [1, 1, 1])
        #expect(outer.wasCancelled && outer.cancelling == 1)
        #expect(currentTask()?.cancelMessage == "all")
    }

    @Test(arguments: [false, true])
    func aCancelledGatherEndsWithACancellationWhateverBecomesOfItsChildren(keepsErrors: Bool) async throws {
        let child = createTask {
            do { try await sleep(.seconds(10)) } catch {}
            return 1
        }
        try await sleep(.zero)
        let outer: FutureBase = keepsErrors ? gatherResultsFuture([child]) : gatherFuture([child])
        #expect(outer.cancel())
        #expect(!outer.isDone)
        try await settle(3)
        #expect(try outer.error() is CancellationError)
        #expect(!outer.wasCancelled, "it is stored as an error")
        #expect(try child.result() == 1)
    }

    @Test func cancellingAGatherThatHasFailedCancelsNothing() async throws {
        let slow = task(1, after: .seconds(5))
        let outer = gatherFuture([slow, task(2, fails: true)])
        try await settle(4)
        #expect(try outer.error() as? Boom == Boom(2))
        #expect(!outer.cancel())
        #expect(slow.cancelling == 0)
    }

    @Test func aGatherWhoseChildrenHaveAllEndedCannotBeCancelled() async throws {
        let child = task(1)
        let outer = gatherFuture([child])
        try await settle(1)
        while !child.isDone { try await sleep(.zero) }
        #expect(!outer.isDone && !outer.cancel())
        #expect(try await outer.value == [1])
    }

    @Test func aTaskThatIsThereTwiceIsAskedTwice() async throws {
        let child = sleeper()
        let outer = gatherFuture([child, child])
        try await sleep(.zero)
        outer.cancel()
        #expect(child.cancelling == 2)
        #expect(await thrown { try await outer.value } is CancellationError)
    }

    @Test func theErrorOfAGatherThatNobodyAwaitsIsReported() async throws {
        let reports = try ReportRecorder()
        do {
            let child = sleeper()
            _ = gatherFuture([child])
            try await sleep(.zero)
            child.cancel()
            try await settle(3)
        }
        #expect(reports.messages == ["Future exception was never retrieved"])
        #expect(reports.reports.first?.error is CancellationError)
    }
}
