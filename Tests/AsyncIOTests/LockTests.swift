import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct LockTests {
    @Test func takingAFreeLockDoesNotSuspend() async throws {
        let lock = Lock()
        let cost = try await turns {
            for _ in 0..<3 {
                try await lock.acquire()
                #expect(lock.isLocked)
                try lock.release()
                #expect(!lock.isLocked)
            }
        }
        #expect(cost == 0)
    }

    @Test func oneAtATimeInTheOrderTheyCame() async throws {
        let lock = Lock()
        var log: [Int] = []
        var inside = 0
        let tasks = (0..<5).map { number in
            createTask {
                try await lock.withLock {
                    inside += 1
                    #expect(inside == 1)
                    try await sleep(.zero)
                    log.append(number)
                    inside -= 1
                }
            }
        }
        try await gather(tasks)
        #expect(log == [0, 1, 2, 3, 4])
    }

    @Test func theNextHolderGoesOnInTheNextTurnAndEachInATurnOfItsOwn() async throws {
        let lock = Lock()
        let loop = try EventLoop.running
        try await lock.acquire()
        let tasks = (0..<3).map { _ in
            createTask {
                try await lock.acquire()
                try lock.release()
                return loop.turns
            }
        }
        try await settle(2)
        let start = loop.turns
        try lock.release()
        #expect(try await gather(tasks).map { $0 - start } == [1, 2, 3])
    }

    @Test func aFreedLockWithSomebodyInLineIsNotForNewcomers() async throws {
        let lock = Lock()
        var log: [String] = []
        try await lock.acquire()
        let waiting = createTask { try await lock.withLock { log.append("waiting") } }
        try await sleep(.zero)
        try lock.release()
        #expect(!lock.isLocked, "the lock is free until the waiting task runs")
        try await lock.withLock { log.append("newcomer") }
        try await waiting.value
        #expect(log == ["waiting", "newcomer"])
    }

    @Test func aFreedLockWhoseLineWasCancelledIsForNewcomers() async throws {
        let lock = Lock()
        try await lock.acquire()
        let waiting = createTask { try await lock.acquire() }
        try await sleep(.zero)
        waiting.cancel()
        try lock.release()
        #expect(try await turns { try await lock.acquire() } == 0)
        #expect(await thrown { try await waiting.value } is CancellationError)
    }

    @Test func releasingAFreeLockIsAnError() async throws {
        let lock = Lock()
        #expect(throws: RuntimeError.self) { try lock.release() }
        try await lock.acquire()
        try lock.release()
        #expect(throws: RuntimeError.self) { try lock.release() }
    }

    @Test func anyTaskMayReleaseAndTheHolderMayNotTakeItAgain() async throws {
        let lock = Lock()
        try await lock.acquire()
        try await createTask { try lock.release() }.value
        #expect(!lock.isLocked)
        try await lock.acquire()
        #expect(await thrown { try await withTimeout(.seconds(1)) { try await lock.acquire() } } is TimeoutError)
    }

    @Test func releasingTwiceBeforeTheNextRunsWakesOne() async throws {
        let lock = Lock()
        var log: [Int] = []
        try await lock.acquire()
        let tasks = (0..<2).map { number in
            createTask {
                try await lock.acquire()
                log.append(number)
            }
        }
        try await sleep(.zero)
        try lock.release()
        #expect(throws: RuntimeError.self) { try lock.release() }
        try await settle(3)
        #expect(log == [0])
        try lock.release()
        try await gather(tasks)
        #expect(log == [0, 1])
    }

    @Test func aCancelledWaiterLeavesTheLine() async throws {
        let lock = Lock()
        try await lock.acquire()
        let first = createTask { try await lock.acquire() }
        let second = createTask { try await lock.acquire() }
        try await sleep(.zero)
        first.cancel()
        try await sleep(.zero)
        #expect(first.wasCancelled)
        try lock.release()
        try await second.value
        #expect(lock.isLocked)
    }

    @Test func aWaiterCancelledAfterItWasWokenPassesTheLockOn() async throws {
        let lock = Lock()
        try await lock.acquire()
        let first = createTask { try await lock.acquire() }
        let second = createTask { try await lock.acquire() }
        try await sleep(.zero)
        try lock.release()
        first.cancel()
        try await second.value
        #expect(first.wasCancelled && lock.isLocked)
    }

    @Test func aWaiterCancelledWhileTheLockIsHeldWakesNobody() async throws {
        let lock = Lock()
        try await lock.acquire()
        let first = createTask { try await lock.acquire() }
        let second = createTask { try await lock.acquire() }
        try await sleep(.zero)
        first.cancel()
        try await settle(3)
        #expect(!second.isDone)
        try lock.release()
        try await second.value
    }

    @Test func aScopeReleasesWhateverComes() async throws {
        let lock = Lock()
        #expect(try await lock.withLock { 5 } == 5)
        #expect(await thrown { try await lock.withLock { throw Boom(1) } } as? Boom == Boom(1))
        #expect(!lock.isLocked)
        let task = createTask { try await lock.withLock { try await sleep(.seconds(1)) } }
        try await sleep(.zero)
        #expect(lock.isLocked)
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(!lock.isLocked)
    }

    @Test func aScopeWhoseBodyReleasedTheLockIsAnError() async throws {
        let lock = Lock()
        #expect(await thrown { try await lock.withLock { try lock.release() } } is RuntimeError)
    }

    @Test(.seeds(50)) func noScheduleLosesAWakeUp() async throws {
        let lock = Lock()
        var inside = 0
        let tasks = (0..<8).map { number in
            createTask {
                for _ in 0..<3 {
                    try await lock.withLock {
                        inside += 1
                        defer { inside -= 1 }
                        #expect(inside == 1)
                        try await sleep(.zero)
                    }
                    try await sleep(.zero)
                }
                return number
            }
        }
        for task in tasks.dropFirst(4) {
            try await sleep(.zero)
            task.cancel()
        }
        _ = try await gatherResults(tasks)
        #expect(try tasks.prefix(4).map { try $0.result() } == [0, 1, 2, 3])
        #expect(!lock.isLocked)
    }
}
