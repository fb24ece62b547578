import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct TimeoutTests {
    // MARK: Expiring

    @Test func aBodyThatTakesTooLongIsEndedWithATimeoutError() async throws {
        let error = await thrown {
            try await withTimeout(.seconds(2)) { try await sleep(.seconds(10)) }
        }
        #expect(error is TimeoutError)
        #expect(currentTask()?.cancelling == 0)
        #expect(try await time { try await sleep(.seconds(1)) } == .seconds(1))
    }

    @Test func aBodyThatIsQuickEnoughKeepsItsValueAndCostsNoTurn() async throws {
        #expect(try await withTimeout(.seconds(2)) { 5 } == 5)
        #expect(try await turns { try await withTimeout(.seconds(2)) {} } == 0)
        #expect(try await turns { try await withTimeout(.seconds(2)) { try await sleep(.zero) } } == 1)
    }

    @Test func aTimeoutOfNilNeverRunsOut() async throws {
        let value = try await withTimeout(nil) { timeout in
            #expect(timeout.when == nil)
            try await sleep(.seconds(1_000_000))
            #expect(!timeout.isExpired)
            return "done"
        }
        #expect(value == "done")
    }

    @Test func theDeadlineMayBeAnInstant() async throws {
        let deadline = try EventLoop.running.now + .seconds(3)
        let passed = try await time {
            await thrown {
                try await withTimeout(until: deadline) { timeout in
                    #expect(timeout.when == deadline)
                    try await sleep(.seconds(10))
                }
            }
        }
        #expect(passed == .seconds(3))
        #expect(try await withTimeout(until: nil) { _ in "no limit" } == "no limit")
        // The form whose body does not need the timeout.
        let next = try EventLoop.running.now + .seconds(2)
        let error = await thrown { try await withTimeout(until: next) { try await sleep(.seconds(10)) } }
        #expect((error as? TimeoutError)?.deadline == next)
    }

    @Test func anExpiredTimeoutSaysSoInsideAndAfterwards() async throws {
        var kept: Timeout?
        _ = await thrown {
            try await withTimeout(.seconds(1)) { timeout in
                kept = timeout
                #expect(!timeout.isExpired)
                do { try await sleep(.seconds(2)) } catch {
                    #expect(timeout.isExpired)
                    throw error
                }
            }
        }
        #expect(kept?.isExpired == true)
        #expect(kept?.when != nil)
    }

    @Test func aBodyThatSwallowsTheExpiryKeepsItsValue() async throws {
        var kept: Timeout?
        let value = try await withTimeout(.seconds(1)) { timeout in
            kept = timeout
            do { try await sleep(.seconds(2)) } catch {}
            return "all the same"
        }
        #expect(value == "all the same")
        #expect(kept?.isExpired == true && currentTask()?.cancelling == 0)
    }

    @Test func anotherErrorOfAnExpiredBodyIsThrownAsItIs() async throws {
        let error = await thrown {
            try await withTimeout(.seconds(1)) {
                do { try await sleep(.seconds(2)) } catch { throw Boom(9) }
            }
        }
        #expect(error as? Boom == Boom(9))
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func cleanUpAfterTheExpiryMayTakeItsTime() async throws {
        let passed = try await time {
            await thrown {
                try await withTimeout(.seconds(1)) {
                    do { try await sleep(.seconds(2)) } catch {
                        try await sleep(.seconds(5))
                        throw error
                    }
                }
            }
        }
        #expect(passed == .seconds(6))
    }

    @Test func aValueThatArrivesInTheTurnOfTheExpiryIsLost() async throws {
        let loop = try EventLoop.running
        let future = Future<Int>()
        try loop.callLater(.seconds(1)) { try future.setResult(1) }
        let error = await thrown { try await withTimeout(.seconds(1)) { try await future.value } }
        #expect(error is TimeoutError)
        #expect(try future.result() == 1)
    }

    // MARK: Zero and negative times

    @Test func aBodyThatDoesNotWaitEndsBeforeATimeoutOfZero() async throws {
        #expect(try await withTimeout(.zero) { "done" } == "done")
        #expect(currentTask()?.cancelling == 0)
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func aTimeoutOfZeroEndsTheBodyAtItsFirstWait(delay: Duration) async throws {
        var log: [String] = []
        let cost = try await turns {
            let error = await thrown {
                try await withTimeout(delay) {
                    log.append("begins")
                    try await sleep(.zero)
                    log.append("goes on")
                }
            }
            #expect(error is TimeoutError)
        }
        #expect(log == ["begins"])
        #expect(cost == 1)
    }

    @Test func aDeadlineInThePastEndsTheBodyAtItsFirstWait() async throws {
        let past = try EventLoop.running.now - .seconds(1)
        let error = await thrown { try await withTimeout(until: past) { _ in try await sleep(.zero) } }
        #expect(error is TimeoutError)
    }

    // MARK: Other cancellations

    @Test func aCancellationFromOutsidePassesThrough() async throws {
        var kept: Timeout?
        let task = createTask {
            try await withTimeout(.seconds(10)) { timeout in
                kept = timeout
                try await sleep(.seconds(20))
            }
        }
        try await sleep(.seconds(1))
        task.cancel("outside")
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(currentTask()?.cancelMessage == "outside")
        #expect(task.wasCancelled && task.cancelling == 1 && kept?.isExpired == false)
    }

    @Test func anOuterCancellationInTheTurnOfTheExpiryWins() async throws {
        let loop = try EventLoop.running
        var kept: Timeout?
        let task = createTask {
            try await withTimeout(.seconds(1)) { timeout in
                kept = timeout
                try await sleep(.seconds(20))
            }
        }
        try loop.callLater(.seconds(1)) { task.cancel() }
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled && task.cancelling == 1 && kept?.isExpired == true)
    }

    @Test func aTimeoutWorksInATaskThatWasCancelledBefore() async throws {
        let task = createTask {
            _ = await thrown { try await sleep(.seconds(1)) }
            let error = await thrown { try await withTimeout(.seconds(1)) { try await sleep(.seconds(10)) } }
            return (error is TimeoutError, currentTask()?.cancelling)
        }
        try await sleep(.zero)
        task.cancel()
        let (timedOut, count) = try await task.value
        #expect(timedOut && count == 1)
    }

    @Test func aCancellationThatTheBodyThrowsByItselfPassesThrough() async throws {
        let error = await thrown { try await withTimeout(.seconds(1)) { throw CancellationError() } }
        #expect(error is CancellationError)
    }

    // MARK: Nesting

    @Test(arguments: [(1, 2, "inner"), (2, 1, "outer")])
    func onlyTheScopeWhoseTimeRanOutThrows(inner: Int, outer: Int, expected: String) async throws {
        var log: [String] = []
        do {
            try await withTimeout(.seconds(outer)) {
                do {
                    try await withTimeout(.seconds(inner)) { try await sleep(.seconds(10)) }
                } catch is TimeoutError {
                    log.append("inner")
                }
            }
        } catch is TimeoutError {
            log.append("outer")
        }
        #expect(log == [expected])
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func twoScopesWhoseTimeRunsOutTogetherBothExpireAndTheOuterThrows() async throws {
        var log: [String] = []
        var scopes: [Timeout] = []
        do {
            try await withTimeout(.seconds(1)) { outer in
                scopes.append(outer)
                do {
                    try await withTimeout(.seconds(1)) { inner in
                        scopes.append(inner)
                        try await sleep(.seconds(10))
                    }
                } catch is TimeoutError {
                    log.append("inner timeout")
                } catch is CancellationError {
                    log.append("inner cancelled")
                    throw CancellationError()
                }
            }
        } catch is TimeoutError {
            log.append("outer timeout")
        }
        #expect(log == ["inner cancelled", "outer timeout"])
        #expect(scopes.map(\.isExpired) == [true, true])
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func aTimeoutInsideTheCleanUpOfAnotherWorks() async throws {
        var log: [String] = []
        let error = await thrown {
            try await withTimeout(.seconds(1)) {
                do { try await sleep(.seconds(10)) } catch {
                    let inner = await thrown { try await withTimeout(.seconds(1)) { try await sleep(.seconds(10)) } }
                    log.append("\(inner is TimeoutError)")
                    throw error
                }
            }
        }
        #expect(log == ["true"])
        #expect(error is TimeoutError)
        #expect(currentTask()?.cancelling == 0)
    }

    // MARK: Rescheduling

    @Test func theDeadlineMayBeMoved() async throws {
        let loop = try EventLoop.running
        let passed = try await time {
            let error = await thrown {
                try await withTimeout(.seconds(1)) { timeout in
                    let later = loop.now + .seconds(5)
                    try timeout.reschedule(to: later)
                    #expect(timeout.when == later)
                    try await sleep(.seconds(10))
                }
            }
            #expect(error is TimeoutError)
        }
        #expect(passed == .seconds(5))
    }

    @Test func theDeadlineMayBeTakenAwayOrSetLater() async throws {
        let loop = try EventLoop.running
        try await withTimeout(.seconds(1)) { timeout in
            try timeout.reschedule(to: nil)
            try await sleep(.seconds(10))
        }
        let error = await thrown {
            try await withTimeout(nil) { timeout in
                try timeout.reschedule(to: loop.now + .seconds(1))
                try await sleep(.seconds(10))
            }
        }
        #expect(error is TimeoutError)
    }

    @Test func aDeadlineMovedIntoThePastEndsTheBodyAtItsNextWait() async throws {
        let loop = try EventLoop.running
        let cost = try await turns {
            let error = await thrown {
                try await withTimeout(.seconds(10)) { timeout in
                    try timeout.reschedule(to: loop.now)
                    try await sleep(.zero)
                }
            }
            #expect(error is TimeoutError)
        }
        #expect(cost == 1)
    }

    @Test func aTimeoutThatRanOutOrWasLeftCannotBeMoved() async throws {
        var kept: Timeout?
        _ = await thrown {
            try await withTimeout(.seconds(1)) { timeout in
                kept = timeout
                do { try await sleep(.seconds(2)) } catch {
                    #expect(throws: RuntimeError.self) { try timeout.reschedule(to: nil) }
                    throw error
                }
            }
        }
        #expect(throws: RuntimeError.self) { try kept?.reschedule(to: nil) }
        try await withTimeout(.seconds(1)) { kept = $0 }
        #expect(throws: RuntimeError.self) { try kept?.reschedule(to: nil) }
        #expect(kept?.isExpired == false)
    }

    // MARK: Bodies

    @Test func aBodyMayChangeWhatItsFunctionHolds() async throws {
        func work(on list: inout [Int]) async throws {
            try await withTimeout(.seconds(1)) {
                list.append(1)
                try await sleep(.milliseconds(1))
                list.append(2)
            }
        }
        var list = [0]
        try await work(on: &list)
        #expect(list == [0, 1, 2])
    }

    @Test func aGroupInsideATimeoutThrowsTheTimeout() async throws {
        var cancelled = 0
        let error = await thrown {
            try await withTimeout(.seconds(1)) {
                try await withAsyncTaskGroup { group in
                    for _ in 0..<3 {
                        try group.createTask {
                            do { try await sleep(.seconds(10)) } catch {
                                cancelled += 1
                                throw error
                            }
                        }
                    }
                }
            }
        }
        #expect(error is TimeoutError)
        #expect(cancelled == 3)
        #expect(currentTask()?.cancelling == 0)
    }
}
