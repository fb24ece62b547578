import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct WaitForTests {
    // MARK: Bodies

    @Test(arguments: [nil, Duration.seconds(1)])
    func aBodyRunsInTheCallingTaskAtNoCost(timeout: Duration?) async throws {
        let me = currentTask()
        let cost = try await turns { try await waitFor(timeout: timeout) { #expect(currentTask() === me) } }
        #expect(cost == 0)
    }

    @Test func aBodyThatTakesTooLongIsEnded() async throws {
        let error = await thrown { try await waitFor(timeout: .seconds(1)) { try await sleep(.seconds(2)) } }
        #expect(error is TimeoutError)
        #expect(currentTask()?.cancelling == 0)
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func withNoTimeABodyDoesNotStart(timeout: Duration) async throws {
        var hasStarted = false
        let cost = try await turns {
            let error = await thrown { try await waitFor(timeout: timeout) { hasStarted = true } }
            #expect(error is TimeoutError)
        }
        #expect(!hasStarted)
        #expect(cost == 3)
    }

    // MARK: Tasks and futures

    @Test func aTaskThatIsQuickEnoughGivesItsValue() async throws {
        let task = createTask {
            try await sleep(.seconds(1))
            return 3
        }
        #expect(try await waitFor(task, timeout: .seconds(2)) == 3)
        #expect(try await waitFor(task, timeout: .zero) == 3, "it has ended")
        #expect(try await waitFor(task, timeout: nil) == 3)
    }

    @Test func aTaskThatTakesTooLongIsCancelledAndWaitedFor() async throws {
        let task = createTask {
            do { try await sleep(.seconds(10)) } catch {
                try await sleep(.seconds(5))
                throw error
            }
        }
        let passed = try await time {
            #expect(await thrown { try await waitFor(task, timeout: .seconds(1)) } is TimeoutError)
        }
        #expect(passed == .seconds(6))
        #expect(task.wasCancelled)
    }

    @Test(arguments: [Duration.zero, .seconds(1)])
    func aTaskThatSwallowsTheCancellationGivesItsValue(timeout: Duration) async throws {
        let task = createTask {
            do { try await sleep(.seconds(10)) } catch {}
            return "all the same"
        }
        try await sleep(.zero)
        #expect(try await waitFor(task, timeout: timeout) == "all the same")
    }

    @Test(arguments: [Duration.zero, .seconds(1)])
    func anErrorDuringTheTasksCancellationIsThrown(timeout: Duration) async throws {
        let task = createTask {
            do { try await sleep(.seconds(10)) } catch { throw Boom(4) }
        }
        try await sleep(.zero)
        #expect(await thrown { try await waitFor(task, timeout: timeout) } as? Boom == Boom(4))
    }

    @Test func withNoTimeATaskIsCancelledBeforeItStarts() async throws {
        var hasStarted = false
        let task = createTask { hasStarted = true }
        #expect(await thrown { try await waitFor(task, timeout: .zero) } is TimeoutError)
        #expect(!hasStarted && task.wasCancelled)
    }

    @Test func theErrorOfAnEndedTaskIsThrownWithoutWaiting() async throws {
        let future = Future<Int>()
        try future.setError(Boom(1))
        let cost = try await turns {
            #expect(await thrown { try await waitFor(future, timeout: .zero) } as? Boom == Boom(1))
        }
        #expect(cost == 0)
    }

    // MARK: Cancellation

    @Test func cancellingTheTaskThatWaitsCancelsWhatItWaitsFor() async throws {
        let inner = sleeper()
        let outer = createTask { try await waitFor(inner, timeout: .seconds(10)) }
        try await settle(2)
        outer.cancel("outer")
        #expect(await thrown { try await outer.value } is CancellationError)
        #expect(inner.wasCancelled && outer.wasCancelled && outer.cancelling == 1)
        #expect(currentTask()?.cancelMessage == "outer")
    }

    @Test func aCompletionInTheSameTurnDoesNotSwallowTheCancellation() async throws {
        let future = Future<Int>()
        let task = createTask { try await waitFor(future, timeout: .seconds(10)) }
        try await sleep(.zero)
        try future.setResult(1)
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
    }

    @Test func aTaskThatEndsAsItsWaiterIsCancelledDoesNotSwallowTheCancellation() async throws {
        let inner = createTask {
            do { try await sleep(.seconds(10)) } catch {}
            return 1
        }
        let outer = createTask {
            let value = try await waitFor(inner, timeout: .seconds(10))
            return (value, currentTask()?.cancelling)
        }
        try await settle(2)
        outer.cancel()
        // The inner task handled the cancellation and continued. Its value is the outcome, and the
        // request is still counted.
        let (value, requests) = try await outer.value
        #expect(value == 1 && requests == 1)
    }

    @Test func aShieldedTaskRunsOnAfterTheTimeout() async throws {
        let inner = createTask {
            try await sleep(.seconds(5))
            return "ended"
        }
        #expect(await thrown { try await waitFor(timeout: .seconds(1)) { try await shield(inner) } } is TimeoutError)
        #expect(await thrown { try await waitFor(shieldFuture(inner), timeout: .seconds(1)) } is TimeoutError)
        #expect(!inner.isDone)
        #expect(try await inner.value == "ended")
    }

    @Test func theTimerGoesWithTheWait() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        try runInVirtualTime {
            let future = Future<Int>()
            let task = createTask { try await waitFor(future, timeout: .seconds(100)) }
            try await sleep(.seconds(1))
            try future.setResult(1)
            #expect(try await task.value == 1)
            #expect(try EventLoop.running.timerCount == 0)
        }
        #expect(loop.now == start)
    }
}
