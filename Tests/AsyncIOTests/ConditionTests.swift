import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ConditionTests {
    /// A task that waits for one notification and then records its name.
    private func waiter(_ condition: Condition, _ note: @escaping () -> Void) -> AsyncTask<Void> {
        createTask {
            try await condition.withLock {
                try await condition.wait()
                note()
            }
        }
    }

    @Test func theLockMustBeHeld() async throws {
        let condition = Condition()
        #expect(await thrown { try await condition.wait() } is RuntimeError)
        #expect(throws: RuntimeError.self) { try condition.notify() }
        #expect(throws: RuntimeError.self) { try condition.notifyAll() }
        #expect(throws: RuntimeError.self) { try condition.release() }
        #expect(await thrown { try await condition.wait { false } } is RuntimeError)
    }

    @Test func aTaskThatWaitsLetsTheLockGoAndHoldsItAgainAfterwards() async throws {
        let condition = Condition()
        var log: [String] = []
        let waiting = waiter(condition) { log.append("woken, locked: \(condition.isLocked)") }
        try await sleep(.zero)
        #expect(!condition.isLocked)
        try await condition.withLock {
            try condition.notify()
            try await settle(3)
            #expect(log.isEmpty, "notify() does not release the lock")
        }
        try await waiting.value
        #expect(log == ["woken, locked: true"])
        #expect(!condition.isLocked)
    }

    @Test func soManyAsWereNotifiedGoOnInTheOrderTheyCame() async throws {
        let condition = Condition()
        var log: [Int] = []
        let tasks = (0..<5).map { number in waiter(condition) { log.append(number) } }
        try await settle(2)
        try await condition.withLock { try condition.notify(2) }
        try await settle(5)
        #expect(log == [0, 1])
        try await condition.withLock {
            // A task that was already notified does not count again.
            try condition.notify()
            try condition.notify()
        }
        try await settle(5)
        #expect(log == [0, 1, 2, 3])
        try await condition.withLock { try condition.notifyAll() }
        try await gather(tasks)
        #expect(log == [0, 1, 2, 3, 4])
    }

    @Test func allThatWereNotifiedGoOnInOneTurnIfNoneSuspends() async throws {
        let condition = Condition()
        let loop = try EventLoop.running
        let tasks = (0..<3).map { _ in
            createTask {
                try await condition.withLock { try await condition.wait() }
                return loop.turns
            }
        }
        try await settle(2)
        try await condition.acquire()
        try condition.notifyAll()
        try condition.release()
        let start = loop.turns
        #expect(try await gather(tasks).map { $0 - start } == [1, 1, 1])
    }

    @Test func aPredicateIsLookedAtWithTheLockHeldUntilItIsTrue() async throws {
        let condition = Condition()
        var value = 0
        var looks = 0
        let waiting = createTask {
            try await condition.withLock {
                try await condition.wait {
                    looks += 1
                    #expect(condition.isLocked)
                    return value == 2
                }
                return value
            }
        }
        for _ in 0..<2 {
            try await settle(2)
            try await condition.withLock {
                value += 1
                try condition.notify()
            }
        }
        #expect(try await waiting.value == 2)
        #expect(looks == 3)
        try await condition.withLock {
            let cost = try await turns { try await condition.wait { true } }
            #expect(cost == 0)
        }
    }

    @Test func anErrorOfThePredicateIsThrownWithTheLockHeld() async throws {
        let condition = Condition()
        try await condition.acquire()
        #expect(await thrown { try await condition.wait { throw Boom(1) } } as? Boom == Boom(1))
        #expect(condition.isLocked)
    }

    @Test func conditionsMayShareALock() async throws {
        let lock = Lock()
        let full = Condition(lock: lock)
        let empty = Condition(lock: lock)
        #expect(full.lock === lock)
        var log: [String] = []
        let tasks = [waiter(full) { log.append("full") }, waiter(empty) { log.append("empty") }]
        try await settle(2)
        try await lock.withLock { try empty.notify() }
        try await settle(3)
        #expect(log == ["empty"])
        try await full.withLock {
            #expect(empty.isLocked)
            try full.notify()
        }
        try await gather(tasks)
    }

    // MARK: Cancellation

    @Test func aCancelledTaskHoldsTheLockAgainWhenItThrows() async throws {
        let condition = Condition()
        var log: [String] = []
        let waiting = createTask {
            try await condition.withLock {
                do { try await condition.wait() } catch {
                    log.append("\(type(of: error)), locked: \(condition.isLocked)")
                    throw error
                }
            }
        }
        try await sleep(.zero)
        waiting.cancel()
        #expect(await thrown { try await waiting.value } is CancellationError)
        #expect(log == ["CancellationError, locked: true"])
        #expect(!condition.isLocked)
    }

    @Test func cancellationsWhileTheLockIsHeldByAnotherAreThrownOnceItIsFree() async throws {
        let condition = Condition()
        var log: [String] = []
        let waiting = createTask {
            try await condition.withLock {
                do { try await condition.wait() } catch {
                    log.append("\(currentTask()?.cancelMessage ?? "none"), locked: \(condition.isLocked)")
                    throw error
                }
            }
        }
        try await sleep(.zero)
        try await condition.acquire()
        for message in ["first", "second", "third"] {
            waiting.cancel(message)
            try await settle(3)
        }
        #expect(!waiting.isDone)
        try condition.release()
        #expect(await thrown { try await waiting.value } is CancellationError)
        #expect(log == ["third, locked: true"])
        #expect(currentTask()?.cancelMessage == "third")
        #expect(waiting.cancelling == 3)
    }

    @Test func theMessageOutlastsTheWaitForTheLock() async throws {
        let condition = Condition()
        let waiting = createTask { try await condition.withLock { try await condition.wait() } }
        try await sleep(.zero)
        try await condition.acquire()
        waiting.cancel("kept")
        try await settle(3)
        try condition.release()
        _ = await thrown { try await waiting.value }
        #expect(currentTask()?.cancelMessage == "kept")
    }

    @Test func aTaskCancelledAfterItsNotificationPassesItOn() async throws {
        let condition = Condition()
        var log: [Int] = []
        let tasks = (0..<2).map { number in waiter(condition) { log.append(number) } }
        try await settle(2)
        try await condition.withLock { try condition.notify() }
        tasks[0].cancel()
        try await tasks[1].value
        #expect(log == [1] && tasks[0].wasCancelled)
    }

    @Test func aTaskCancelledWhileItWaitsForTheLockPassesTheNotificationOn() async throws {
        let condition = Condition()
        var log: [Int] = []
        let tasks = (0..<2).map { number in waiter(condition) { log.append(number) } }
        try await settle(2)
        try await condition.acquire()
        try condition.notify()
        try await settle(2)
        tasks[0].cancel()
        try await settle(2)
        try condition.release()
        try await tasks[1].value
        #expect(log == [1] && tasks[0].wasCancelled)
    }

    @Test func aTimeoutAroundAWaitLeavesTheLockHeldForTheScopeToRelease() async throws {
        let condition = Condition()
        try await condition.withLock {
            let error = await thrown { try await withTimeout(.seconds(1)) { try await condition.wait() } }
            #expect(error is TimeoutError)
            #expect(condition.isLocked)
        }
        #expect(!condition.isLocked)
    }
}
