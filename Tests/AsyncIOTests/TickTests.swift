import AsyncIO
import AsyncIOTesting
import Testing

/// The number of turns of the loop that each operation takes, and the order of events in a turn.
/// The numbers are CPython's.
@Suite(.virtualTime) struct TickTests {
    private let loop: EventLoop

    init() throws { loop = try EventLoop.running }

    /// The number of turns until `body`, which is expected to throw, has thrown.
    private func turnsUntilError(_ body: () async throws -> Void) async -> Int {
        let before = loop.turns
        do {
            try await body()
            Issue.record("no error")
        } catch {}
        return Int(loop.turns - before)
    }

    // MARK: 3.1, the order inside one turn

    @Test func inOneTurnCallbacksComeFirstThenDescriptorsThenTimers() throws {
        let pipe = try Pipe()
        try withLoop { loop in
            let log = Log()
            let future = Future<Void>()
            try loop.runUntilComplete {
                let waiter = createTask {
                    try await future.value
                    log("task \(loop.turns)")
                }
                try await sleep(.zero)
                try loop.addReader(pipe.reader) {
                    log("descriptor \(loop.turns)")
                    pipe.drain()
                }
                pipe.send()
                try loop.callLater(.zero) { log("timer \(loop.turns)") }
                try loop.callSoon { log("first \(loop.turns)") }
                try loop.callSoonThreadSafe { onLoop { log("thread-safe \(loop.turns)") } }
                try loop.callSoon { log("second \(loop.turns)") }
                try future.setResult(())
                try await waiter.value
                try loop.removeReader(pipe.reader)
            }
            #expect(
                log.lines == [
                    "first 3", "thread-safe 3", "second 3", "task 3", "descriptor 3", "timer 3",
                ])
        }
    }

    @Test func whatIsReadyComesBeforeATimerThatWasDueEarlier() async throws {
        let log = Log()
        try loop.callLater(.seconds(-1)) { log("timer") }
        try loop.callSoon { log("callback") }
        try await sleep(.zero)
        try await sleep(.zero)
        #expect(log.lines == ["callback", "timer"])
    }

    @Test func whatAThreadSendsRunsInTheTurnThatReceivesIt() throws {
        try withLoop { loop in
            let ranIn = Counter()
            onForeignThread {
                block(.milliseconds(5))
                _ = try? loop.callSoonThreadSafe {
                    ranIn.increase(by: Int(loop.turns))
                    loop.stop()
                }
            }
            try loop.runForever()
            #expect(ranIn.value == Int(loop.turns))
        }
    }

    // MARK: 3.2, one turn each

    @Test func aTaskStartsInTheNextTurn() async throws {
        #expect(try await turns { try await createTask {}.value } == 2)
        var startedIn: UInt64 = 0
        let before = loop.turns
        let task = createTask { startedIn = loop.turns }
        try await task.value
        #expect(startedIn == before + 1)
    }

    @Test func awaitingWhatHasEndedTakesNoTurn() async throws {
        let future = Future<Int>()
        try future.setResult(1)
        let task = createTask { 1 }
        _ = try await task.value
        #expect(
            try await turns {
                _ = try await future.value
                _ = try await task.value
            } == 0)
    }

    @Test func callingAnAsyncFunctionTakesNoTurn() async throws {
        func plain() async -> Int { 1 }
        #expect(try await turns { _ = await plain() } == 0)
    }

    @Test func sleepOfNoTimeTakesOneTurn() async throws {
        #expect(try await turns { try await sleep(.zero) } == 1)
        #expect(try await turns { try await sleep(.seconds(-1)) } == 1)
    }

    @Test func aSleeperGoesOnInTheTurnAfterItsTimer() async throws {
        var timerIn: UInt64 = 0
        try loop.callLater(.seconds(1)) { timerIn = loop.turns }
        try await sleep(.seconds(1))
        #expect(loop.turns == timerIn + 1)
    }

    @Test func aFutureWakesItsWaitersInTheNextTurnInTheOrderTheyCame() async throws {
        let future = Future<Void>()
        let log = Log()
        let waiters = (0..<3).map { number in
            createTask {
                try await future.value
                log("\(number) in \(loop.turns)")
            }
        }
        try await sleep(.zero)
        let setIn = loop.turns
        future.addDoneCallback { _ in log("callback in \(loop.turns)") }
        try future.setResult(())
        try await gather(waiters)
        #expect(log.lines == (0..<3).map { "\($0) in \(setIn + 1)" } + ["callback in \(setIn + 1)"])
    }

    @Test func aCallbackOfWhatHasEndedComesInTheNextTurn() async throws {
        let future = Future<Void>()
        try future.setResult(())
        var calledIn: UInt64 = 0
        let before = loop.turns
        future.addDoneCallback { _ in calledIn = loop.turns }
        try await sleep(.zero)
        #expect(calledIn == before + 1)
    }

    @Test func cancellingReachesTheTaskOneTurnLaterAndItsWaiterTwo() async throws {
        var childIn: UInt64 = 0
        let child = createTask {
            do { try await sleep(.seconds(1)) } catch {
                childIn = loop.turns
                throw error
            }
        }
        try await sleep(.zero)
        let before = loop.turns
        child.cancel()
        _ = await turnsUntilError { try await child.value }
        #expect(childIn == before + 1)
        #expect(loop.turns == before + 2)
    }

    @Test func cancellingATaskThatHasNotStartedEndsItInItsFirstTurn() async throws {
        let child = createTask { _ = Issue.record("it started") }
        child.cancel()
        #expect(await turnsUntilError { try await child.value } == 2)
    }

    // MARK: 3.3, combined operations

    @Test func gatherTakesThreeTurns() async throws {
        #expect(try await turns { _ = try await gather({ 1 }, { 2 }, { 3 }) } == 3)
        #expect(try await turns { _ = try await gather((0..<5)) { number in number } } == 3)
    }

    @Test func waitTakesThreeTurns() async throws {
        #expect(try await turns { _ = try await AsyncIO.wait((0..<3).map { number in createTask { number } }) } == 3)
    }

    @Test func theFirstOfAsCompletedTakesThreeTurns() async throws {
        let took = try await turns {
            for try await _ in asCompleted((0..<3).map { number in createTask { number } }) { break }
        }
        #expect(took == 3)
    }

    @Test func aGroupWithChildrenTakesThreeTurnsAndOneWithoutNone() async throws {
        #expect(
            try await turns {
                try await withAsyncTaskGroup { group in for _ in 0..<3 { try group.createTask {} } }
            } == 3)
        #expect(try await turns { try await withAsyncTaskGroup { _ in } } == 0)
        #expect(
            try await turns {
                try await withAsyncTaskGroup { group in for _ in 0..<3 { try group.createTask(eager: true) {} } }
            } == 2)
    }

    @Test func waitForRunsItsBodyInlineUnlessThereIsNoTime() async throws {
        #expect(try await turns { _ = try await waitFor(timeout: .seconds(1)) { 1 } } == 0)
        #expect(await turnsUntilError { try await waitFor(createTask {}, timeout: .zero) } == 3)
    }

    @Test func aShieldedTaskWakesItsWaiterTwoTurnsAfterItsEnd() async throws {
        var endedIn: UInt64 = 0
        let inner = createTask {
            try await sleep(.zero)
            endedIn = loop.turns
        }
        try await shield(inner)
        #expect(loop.turns == endedIn + 2)
    }

    @Test func aLockIsHandedOnOneHolderATurn() async throws {
        let lock = Lock()
        try await lock.acquire()
        var heldIn: [UInt64] = []
        let holders = (0..<3).map { _ in
            createTask {
                try await lock.acquire()
                heldIn.append(loop.turns)
                try lock.release()
            }
        }
        try await sleep(.zero)
        let releasedIn = loop.turns
        try lock.release()
        try await gather(holders)
        #expect(heldIn == [releasedIn + 1, releasedIn + 2, releasedIn + 3])
    }

    @Test func twoItemsPutInOneTurnWakeTwoGettersInTheNext() async throws {
        let queue = Queue<Int>()
        var gotIn: [UInt64] = []
        let getters = (0..<2).map { _ in
            createTask {
                _ = try await queue.get()
                gotIn.append(loop.turns)
            }
        }
        try await sleep(.zero)
        let putIn = loop.turns
        try queue.putNoWait(1)
        try queue.putNoWait(2)
        try await gather(getters)
        #expect(gotIn == [putIn + 1, putIn + 1])
    }

    @Test func anEventWakesAllInTheNextTurnInOrder() async throws {
        let event = Event()
        let log = Log()
        let waiters = (0..<3).map { number in
            createTask {
                try await event.wait()
                log("\(number) in \(loop.turns)")
            }
        }
        try await sleep(.zero)
        let setIn = loop.turns
        event.set()
        try await gather(waiters)
        #expect(log.lines == (0..<3).map { "\($0) in \(setIn + 1)" })
    }

    @Test func notifyingAllWakesAllInTheNextTurnIfEachReleasesAtOnce() async throws {
        let condition = Condition()
        let log = Log()
        let waiters = (0..<3).map { number in
            createTask {
                try await condition.acquire()
                try await condition.wait()
                log("\(number) in \(loop.turns)")
                try condition.release()
            }
        }
        try await sleep(.zero)
        try await condition.acquire()
        try condition.notifyAll()
        let notifiedIn = loop.turns
        try condition.release()
        try await gather(waiters)
        #expect(log.lines == (0..<3).map { "\($0) in \(notifiedIn + 1)" })
    }

    @Test func aTimeoutOfNoTimeFiresInTheNextTurn() async throws {
        let log = Log()
        let took = await turnsUntilError {
            try await withTimeout(.zero) { _ in
                try await sleep(.zero)
                log("the body went on")
            }
        }
        #expect(took == 1)
        #expect(log.lines == [])
    }

    @Test func aChildThatFailsInTurnTwoCancelsTheOthersInFourAndThrowsInSix() async throws {
        let log = Log()
        let created = loop.turns
        func turn() -> UInt64 { loop.turns - created + 1 }
        do {
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    log("fails in \(turn())")
                    throw TestError()
                }
                try group.createTask {
                    do { try await sleep(.seconds(1)) } catch {
                        log("sibling cancelled in \(turn())")
                        throw error
                    }
                }
                do { try await sleep(.seconds(1)) } catch {
                    log("body cancelled in \(turn())")
                    throw error
                }
            }
        } catch is ExceptionGroup {
            log("thrown in \(turn())")
        }
        #expect(
            log.lines == [
                "fails in 2", "sibling cancelled in 4", "body cancelled in 4", "thrown in 6",
            ])
    }

    @Test func eagerTasksThatEndTakeNoTurnAndNeitherDoesTheirGather() async throws {
        #expect(try await turns { _ = try await createTask(eager: true) { 1 }.value } == 0)
        #expect(
            try await turns {
                _ = try await gather((0..<3).map { number in createTask(eager: true) { number } })
            } == 0)
    }

    // MARK: 3.4, orders to keep

    @Test func tasksStartInTheOrderTheyWereMadeWithCallbacksInTheirPlace() async throws {
        let log = Log()
        createTask { log("a") }
        createTask { log("b") }
        try loop.callSoon { log("callback") }
        createTask { log("c") }
        try await sleep(.zero)
        #expect(log.lines == ["a", "b", "callback", "c"])
    }

    @Test func childrenThatEndInOneTurnAreToldOfInTheOrderTheyEnded() async throws {
        let log = Log()
        let tasks = [2, 0, 1].map { delay in
            createTask {
                for _ in 0..<3 - delay { try await sleep(.zero) }
                return delay
            }
        }
        let late = createTask { 3 }
        for task in tasks + [late] { task.addDoneCallback { log("\((try? $0.result()) ?? -1)") } }
        #expect(try await gather(tasks + [late]) == [2, 0, 1, 3])
        #expect(log.lines == ["3", "2", "1", "0"])
    }
}
