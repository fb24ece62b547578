import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct FutureTests {
    // MARK: States

    @Test func aFutureEndsOnce() throws {
        let future = Future<Int>()
        #expect(!future.isDone && !future.wasCancelled)
        try future.setResult(1)
        #expect(future.isDone && !future.wasCancelled)
        #expect(throws: InvalidStateError.self) { try future.setResult(2) }
        #expect(throws: InvalidStateError.self) { try future.setError(Boom()) }
        #expect(!future.cancel())
        #expect(try future.result() == 1)
        #expect(try future.error() == nil)
    }

    @Test func aFailedFutureEndsOnce() throws {
        let future = Future<Int>()
        try future.setError(Boom(1))
        #expect(throws: InvalidStateError.self) { try future.setResult(2) }
        #expect(throws: InvalidStateError.self) { try future.setError(Boom(2)) }
        #expect(!future.cancel())
        #expect(throws: Boom(1)) { try future.result() }
        #expect(try future.error() as? Boom == Boom(1))
    }

    @Test func aCancelledFutureEndsOnce() throws {
        let future = Future<Int>()
        #expect(future.cancel())
        #expect(future.isDone && future.wasCancelled)
        #expect(!future.cancel())
        #expect(throws: InvalidStateError.self) { try future.setResult(2) }
        #expect(throws: InvalidStateError.self) { try future.setError(Boom()) }
    }

    @Test func aPendingFutureHasNeitherResultNorError() {
        let future = Future<Int>()
        #expect(throws: InvalidStateError.self) { try future.result() }
        #expect(throws: InvalidStateError.self) { try future.error() }
    }

    @Test func readingACancelledFutureThrowsItsCancellation() {
        let future = Future<Int>()
        future.cancel()
        #expect(throws: CancellationError.self) { try future.result() }
        #expect(throws: CancellationError.self) { try future.error() }
    }

    @Test func aFutureOfNothingEndsWithNothing() async throws {
        let future = Future<Void>()
        try future.setResult(())
        #expect(try await future.value == ())
        #expect(try future.error() == nil)
    }

    @Test func aFutureOfAnOptionalMayEndWithNil() async throws {
        let future = Future<Int?>()
        try future.setResult(nil)
        #expect(try await future.value == nil)
        #expect(try future.result() == nil)
    }

    @Test func aCancellationMayBeSetAsAnError() async throws {
        let future = Future<Int>()
        try future.setError(CancellationError())
        #expect(!future.wasCancelled)
        #expect(await thrown { try await future.value } is CancellationError)
    }

    // MARK: Callbacks

    @Test func callbacksRunInTheNextTurnInTheOrderTheyCame() async throws {
        let future = Future<Int>()
        var log: [String] = []
        future.addDoneCallback { log.append("first \((try? $0.result()) ?? 0)") }
        future.addDoneCallback { _ in log.append("second") }
        try EventLoop.running.callSoon { log.append("ready before") }
        try future.setResult(42)
        try EventLoop.running.callSoon { log.append("ready after") }
        #expect(log.isEmpty)
        try await sleep(.zero)
        #expect(log == ["ready before", "first 42", "second", "ready after"])
    }

    @Test func aCallbackAddedToAnEndedFutureRunsInTheNextTurn() async throws {
        let future = Future<Int>()
        try future.setResult(1)
        var log: [String] = []
        future.addDoneCallback { _ in log.append("called") }
        #expect(log.isEmpty)
        try await sleep(.zero)
        #expect(log == ["called"])
    }

    @Test func callbacksAndWaitingTasksKeepTheirOrder() async throws {
        let future = Future<Int>()
        var log: [String] = []
        future.addDoneCallback { _ in log.append("callback 1") }
        createTask {
            _ = try await future.value
            log.append("task")
        }
        try await sleep(.zero)
        future.addDoneCallback { _ in log.append("callback 2") }
        try future.setResult(1)
        try await sleep(.zero)
        #expect(log == ["callback 1", "task", "callback 2"])
    }

    @Test func aCallbackIsTakenBackByItsToken() async throws {
        let future = Future<Int>()
        var log: [Int] = []
        let tokens = (0..<3).map { number in future.addDoneCallback { _ in log.append(number) } }
        #expect(future.removeDoneCallback(tokens[0]) == 1)
        #expect(future.removeDoneCallback(tokens[0]) == 0)
        #expect(future.removeDoneCallback(tokens[1]) == 1)
        future.addDoneCallback { _ in log.append(3) }
        try future.setResult(1)
        #expect(future.removeDoneCallback(tokens[2]) == 0, "it is in the ready queue already")
        try await sleep(.zero)
        #expect(log == [2, 3])
    }

    @Test func callbacksMayAddAndRemoveCallbacks() async throws {
        let future = Future<Int>()
        var log: [String] = []
        var second: DoneCallback?
        future.addDoneCallback { future in
            log.append("first")
            #expect(second.map(future.removeDoneCallback) == 0)
            future.addDoneCallback { _ in log.append("added") }
        }
        second = future.addDoneCallback { _ in log.append("second") }
        try future.setResult(1)
        try await sleep(.zero)
        #expect(log == ["first", "second"])
        try await sleep(.zero)
        #expect(log == ["first", "second", "added"])
    }

    @Test func anErrorInACallbackIsReportedAndTheOthersRun() async throws {
        let reports = try ReportRecorder()
        let future = Future<Int>()
        var log: [String] = []
        future.addDoneCallback { _ in throw Boom(7) }
        future.addDoneCallback { _ in log.append("second") }
        try future.setResult(1)
        try await sleep(.zero)
        #expect(log == ["second"])
        #expect(reports.reports.map { $0.error as? Boom } == [Boom(7)])
    }

    // MARK: Lost errors

    @Test func anErrorThatNobodyReadsIsReportedWhenTheFutureGoes() throws {
        let reports = try ReportRecorder()
        try Future<Int>().setError(Boom(1))
        #expect(reports.messages == ["Future exception was never retrieved"])
        #expect(reports.reports.first?.error as? Boom == Boom(1))
        #expect(reports.reports.first?.subject?.contains("boom 1") == true)
    }

    @Test(arguments: ["result", "error", "await", "cancel"])
    func anErrorThatSomebodyReadIsNotReported(how: String) async throws {
        let reports = try ReportRecorder()
        do {
            let future = Future<Int>()
            try future.setError(Boom())
            switch how {
            case "result": #expect(throws: Boom.self) { try future.result() }
            case "error": _ = try future.error()
            case "await": _ = await thrown { try await future.value }
            default: future.cancel()
            }
        }
        #expect(reports.reports.isEmpty)
    }

    // MARK: Awaiting

    @Test func awaitingAnEndedFutureDoesNotSuspend() async throws {
        let future = Future<Int>()
        try future.setResult(1)
        #expect(try await turns { try await future.value } == 0)
        let failed = Future<Int>()
        try failed.setError(Boom())
        #expect(try await turns { await thrown { try await failed.value } } == 0)
    }

    @Test func manyTasksMayAwaitOneFutureEachAsOftenAsItLikes() async throws {
        let future = Future<Int>()
        var log: [String] = []
        for name in ["a", "b"] {
            createTask {
                log.append("\(name) \(try await future.value) \(try await future.value)")
            }
        }
        try await sleep(.zero)
        try future.setResult(5)
        try await sleep(.zero)
        #expect(log == ["a 5 5", "b 5 5"])
    }

    @Test func everyWaitingTaskGetsTheError() async throws {
        let future = Future<Int>()
        let tasks = (0..<3).map { _ in createTask { try await future.value } }
        try await sleep(.zero)
        try future.setError(Boom(3))
        for task in tasks { #expect(await thrown { try await task.value } as? Boom == Boom(3)) }
    }

    @Test func anotherTasksWaitGoesWithTheCancelledFuture() async throws {
        let future = Future<Int>()
        let first = createTask { try await future.value }
        let second = createTask { try await future.value }
        try await sleep(.zero)
        first.cancel()
        try await settle(3)
        #expect(first.wasCancelled && second.wasCancelled && future.wasCancelled)
    }

    // MARK: Messages

    @Test func theMessageOfACancelledFutureReachesEveryTaskThatAwaitsIt() async throws {
        let future = Future<Int>()
        future.cancel("enough")
        for _ in 0..<2 {
            let task = createTask {
                _ = await thrown { try await future.value }
                return currentTask()?.cancelMessage
            }
            #expect(try await task.value == "enough")
        }
    }

    @Test func aTimerThatFiresAfterTheWaitWasCancelledDoesNothing() async throws {
        let reports = try ReportRecorder()
        let loop = try EventLoop.running
        let task = createTask { try await sleep(.seconds(1)) }
        // Due at the same time as the sleep, but before it.
        try loop.callLater(.seconds(1)) { task.cancel() }
        try await sleep(.seconds(2))
        #expect(task.wasCancelled)
        #expect(reports.reports.isEmpty)
    }

    @Test func aFutureIsAChannelForOneValue() async throws {
        let answer = Future<Int>()
        let asking = createTask { try await answer.value }
        try await sleep(.seconds(1))
        try answer.setResult(42)
        #expect(try await asking.value == 42)
        // The receiver is gone.
        let other = Future<Int>()
        let leaving = createTask { try await other.value }
        try await sleep(.seconds(1))
        leaving.cancel()
        await #expect(throws: CancellationError.self) { try await leaving.value }
        #expect(other.isDone)
        #expect(throws: InvalidStateError.self) { try other.setResult(42) }
    }
}
