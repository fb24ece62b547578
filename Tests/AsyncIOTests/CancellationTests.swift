import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct CancellationTests {
    // MARK: Requests

    @Test func cancellingAnEndedTaskSaysNoAndCountsNothing() async throws {
        let task = createTask { 1 }
        _ = try await task.value
        #expect(!task.cancel())
        #expect(task.cancelling == 0)
    }

    @Test func everyRequestIsCounted() async throws {
        let task = sleeper()
        try await sleep(.zero)
        #expect(task.cancel() && task.cancel() && task.cancel())
        #expect(task.cancelling == 3)
        #expect(!task.wasCancelled, "the cancellation is only requested")
        try await sleep(.zero)
        #expect(task.wasCancelled)
    }

    @Test func aTaskCancelledBeforeItsStartNeverRunsItsBody() async throws {
        var hasRun = false
        let task = createTask { hasRun = true }
        #expect(task.cancel())
        let cost = try await turns { await thrown { try await task.value } }
        #expect(cost == 2)
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(!hasRun && task.wasCancelled)
    }

    @Test func manyRequestsAreDeliveredOnce() async throws {
        var caught = 0
        let task = createTask {
            do { try await sleep(.seconds(10)) } catch is CancellationError { caught += 1 }
            try await sleep(.seconds(1))
            try await sleep(.zero)
            return "went on"
        }
        try await sleep(.zero)
        for _ in 0..<3 { task.cancel() }
        #expect(try await task.value == "went on")
        #expect(caught == 1)
        #expect(task.cancelling == 3 && !task.wasCancelled)
    }

    @Test func aTaskThatCatchesItsCancellationMayAwaitAndBeCancelledAgain() async throws {
        var log: [String] = []
        let task = createTask {
            do { try await sleep(.seconds(10)) } catch { log.append("first") }
            do { try await sleep(.seconds(10)) } catch { log.append("second") }
            try await sleep(.seconds(1))
            log.append("end")
        }
        try await sleep(.seconds(1))
        task.cancel()
        try await sleep(.seconds(1))
        task.cancel()
        try await task.value
        #expect(log == ["first", "second", "end"])
    }

    @Test func aCancellationIsDeliveredOneTurnLaterAndSeenTwoTurnsLater() async throws {
        let task = sleeper()
        try await sleep(.zero)
        let cost = try await turns {
            task.cancel()
            _ = await thrown { try await task.value }
        }
        #expect(cost == 2)
    }

    @Test func cleanUpMayAwait() async throws {
        var log: [String] = []
        let task = createTask {
            do {
                try await sleep(.seconds(10))
            } catch {
                try await sleep(.seconds(5))
                log.append("cleaned up")
                throw error
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(try await time { await thrown { try await task.value } } == .seconds(5))
        #expect(log == ["cleaned up"])
        #expect(task.wasCancelled)
    }

    // MARK: Interrupted waits

    @Test func cancellingATaskCancelsTheFutureItWaitsFor() async throws {
        let future = Future<Int>()
        let task = createTask { try await future.value }
        try await sleep(.zero)
        task.cancel()
        #expect(future.wasCancelled, "at once")
        #expect(!task.isDone, "the task sees it in its next step")
        try await sleep(.zero)
        #expect(task.wasCancelled)
    }

    @Test func aCancellationGoesDownAChainOfTasksAndComesBackUp() async throws {
        var log: [String] = []
        func link(_ name: String, _ body: @escaping () async throws -> Void) -> AsyncTask<Void> {
            createTask {
                do { try await body() } catch {
                    log.append(name)
                    throw error
                }
            }
        }
        let bottom = link("bottom") { try await sleep(.seconds(10)) }
        let middle = link("middle") { try await bottom.value }
        let top = link("top") { try await middle.value }
        try await settle(3)
        top.cancel()
        #expect([top, middle, bottom].map(\.cancelling) == [1, 1, 1])
        #expect(log.isEmpty)
        try await settle(4)
        #expect(log == ["bottom", "middle", "top"])
        #expect([top, middle, bottom].map(\.wasCancelled) == [true, true, true])
    }

    @Test func aValueThatArrivedInTheSameTurnIsLostToTheCancelledTask() async throws {
        let future = Future<Int>()
        let task = createTask { try await future.value }
        try await sleep(.zero)
        try future.setResult(1)
        #expect(task.cancel())
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(try future.result() == 1)
    }

    @Test func aFailureThatArrivedInTheSameTurnIsLostToTheCancelledTask() async throws {
        let reports = try ReportRecorder()
        do {
            let future = Future<Int>()
            let task = createTask { try await future.value }
            try await sleep(.zero)
            try future.setError(Boom())
            task.cancel()
            #expect(await thrown { try await task.value } is CancellationError)
        }
        #expect(reports.reports.isEmpty, "the end of the wait has retrieved the error")
    }

    @Test func aRunningTasksOwnRequestIsDeliveredAtItsNextWait() async throws {
        var log: [String] = []
        let task = createTask {
            currentTask()?.cancel()
            log.append("still running")
            do { try await sleep(.seconds(1)) } catch { log.append("cancelled") }
            try await sleep(.zero)
            log.append("went on")
        }
        try await task.value
        #expect(log == ["still running", "cancelled", "went on"])
    }

    @Test func anEndedFutureIsReadWithoutDeliveringTheRequest() async throws {
        let future = Future<Int>()
        try future.setResult(1)
        let task = createTask {
            currentTask()?.cancel()
            return try await future.value
        }
        // There was no wait, so the request is delivered at the end of the body.
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled)
    }

    @Test func aTaskThatCancelsItselfAndReturnsEndsCancelled() async throws {
        let task = createTask {
            currentTask()?.cancel()
            return 1
        }
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled)
    }

    @Test func aTaskThatCancelsItselfAndFailsEndsWithTheError() async throws {
        let task = createTask {
            currentTask()?.cancel()
            throw Boom(1)
        }
        #expect(await thrown { try await task.value } as? Boom == Boom(1))
        #expect(!task.wasCancelled)
    }

    @Test func anErrorDuringCleanUpReplacesTheCancellation() async throws {
        let task = createTask {
            do { try await sleep(.seconds(1)) } catch { throw Boom(2) }
        }
        try await sleep(.zero)
        task.cancel()
        #expect(await thrown { try await task.value } as? Boom == Boom(2))
        #expect(!task.wasCancelled)
    }

    @Test func aSleepForNothingIsCancelledAfterItsTurn() async throws {
        var log: [String] = []
        let task = createTask {
            do { try await sleep(.zero) } catch { log.append("cancelled") }
            try await sleep(.zero)
            log.append("went on")
        }
        try await sleep(.zero)
        task.cancel()
        try await task.value
        #expect(log == ["cancelled", "went on"])
    }

    // MARK: Withdrawing requests

    @Test func uncancelCountsDownToZeroAndNoFurther() async throws {
        let task = sleeper()
        try await sleep(.zero)
        task.cancel()
        task.cancel()
        #expect(task.uncancel() == 1)
        #expect(task.uncancel() == 0)
        #expect(task.uncancel() == 0)
        #expect(task.cancelling == 0)
        // It was delivered to the future that the task waits for, so it cannot be withdrawn.
        try await sleep(.zero)
        #expect(task.wasCancelled)
    }

    @Test func uncancelForgetsARequestThatWasNotDelivered() async throws {
        let task = createTask {
            let me = currentTask()
            me?.cancel()
            #expect(me?.uncancel() == 0)
            try await sleep(.zero)
            return "went on"
        }
        #expect(try await task.value == "went on")
    }

    @Test func uncancelKeepsAnUndeliveredRequestWhileAnotherIsLeft() async throws {
        let task = createTask {
            let me = currentTask()
            me?.cancel()
            me?.cancel()
            #expect(me?.uncancel() == 1)
            try await sleep(.zero)
        }
        #expect(await thrown { try await task.value } is CancellationError)
    }

    // MARK: Messages

    /// The message that the task created here reads after its wait was cancelled.
    private func message(of cancel: (AnyAsyncTask) -> Void) async throws -> String? {
        let task = createTask {
            _ = await thrown { try await sleep(.seconds(1)) }
            return currentTask()?.cancelMessage
        }
        try await sleep(.zero)
        cancel(task)
        return try await task.value
    }

    @Test func theMessageReachesTheTaskThatIsCancelled() async throws {
        #expect(try await message { $0.cancel("stop") } == "stop")
        #expect(try await message { $0.cancel() } == nil)
    }

    @Test func theFirstOfSeveralMessagesIsTheOneThatTheWaitEndsWith() async throws {
        let message = try await message {
            $0.cancel("first")
            $0.cancel("second")
        }
        // The wait was cancelled with the first message. The second request was still pending, and
        // CPython lets one delivery stand for both.
        #expect(message == "first")
    }

    @Test func theLatestMessageOfATaskThatDoesNotWaitIsTheOneDelivered() async throws {
        let task = createTask {
            currentTask()?.cancel("first")
            currentTask()?.cancel("second")
            _ = await thrown { try await sleep(.seconds(1)) }
            return currentTask()?.cancelMessage
        }
        #expect(try await task.value == "second")
    }

    @Test func theMessageReachesTheTaskThatAwaitsTheCancelledOne() async throws {
        let inner = sleeper()
        let outer = createTask {
            _ = await thrown { try await inner.value }
            return currentTask()?.cancelMessage
        }
        try await settle(2)
        inner.cancel("inner")
        #expect(try await outer.value == "inner")
    }

    @Test func aMessageTravelsDownAChainOfTasksAndBack() async throws {
        let bottom = createTask {
            do { try await sleep(.seconds(1)) } catch {
                #expect(currentTask()?.cancelMessage == "top")
                throw error
            }
        }
        let middle = createTask { try await bottom.value }
        let top = createTask {
            _ = await thrown { try await middle.value }
            return currentTask()?.cancelMessage
        }
        try await settle(3)
        top.cancel("top")
        #expect(try await top.value == "top")
    }

    @Test func theMessageOfACancelledTaskGoesToItsFirstReader() async throws {
        let inner = sleeper()
        try await sleep(.zero)
        inner.cancel("once")
        try await settle(2)
        let main = try #require(currentTask())
        _ = await thrown { try await inner.value }
        #expect(main.cancelMessage == "once")
        _ = await thrown { try await inner.value }
        #expect(main.cancelMessage == nil)
    }

    @Test func theMessageOfATaskThatNeverStartedGoesToItsFirstReader() async throws {
        let task = createTask {}
        task.cancel("too early")
        _ = await thrown { try await task.value }
        #expect(currentTask()?.cancelMessage == "too early")
    }

    @Test func readingTheErrorOfACancelledFutureTellsTheMessageToo() throws {
        let future = Future<Int>()
        future.cancel("enough")
        #expect(throws: CancellationError.self) { try future.error() }
        #expect(currentTask()?.cancelMessage == "enough")
    }

    @Test func theMessageOfTheFutureBeatsTheTasksOwn() async throws {
        let future = Future<Int>()
        let task = createTask {
            _ = await thrown { try await future.value }
            return currentTask()?.cancelMessage
        }
        try await sleep(.zero)
        future.cancel("future's")
        task.cancel("task's")
        #expect(try await task.value == "future's")
    }

    @Test func aMessageOutlastsAFinallyThatAwaits() async throws {
        let task = createTask {
            do {
                try await sleep(.seconds(1))
            } catch {
                try await sleep(.seconds(1))
                throw error
            }
        }
        try await sleep(.zero)
        task.cancel("kept")
        _ = await thrown { try await task.value }
        #expect(currentTask()?.cancelMessage == "kept")
    }

    @Test func aLaterCancellationInsideCleanUpBringsItsOwnMessage() async throws {
        let task = createTask {
            _ = await thrown { try await sleep(.seconds(1)) }
            let first = currentTask()?.cancelMessage
            _ = await thrown { try await sleep(.seconds(1)) }
            return [first, currentTask()?.cancelMessage]
        }
        try await sleep(.zero)
        task.cancel("one")
        try await sleep(.zero)
        task.cancel("two")
        #expect(try await task.value == ["one", "two"])
    }
}
