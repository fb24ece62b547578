import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct SemaphoreTests {
    @Test func aSemaphoreCannotBeginBelowZero() throws {
        #expect(throws: ValueError.self) { try Semaphore(validating: -1) }
        #expect(throws: ValueError.self) { try BoundedSemaphore(validating: -1) }
        #expect(Semaphore().value == 1)
        #expect(Semaphore(0).isLocked)
    }

    @Test func takingOneThatIsLeftDoesNotSuspend() async throws {
        let semaphore = Semaphore(2)
        let cost = try await turns {
            try await semaphore.acquire()
            #expect(!semaphore.isLocked)
            try await semaphore.acquire()
        }
        #expect(cost == 0)
        #expect(semaphore.isLocked && semaphore.value == 0)
    }

    @Test func soManyAtATimeInTheOrderTheyCame() async throws {
        let semaphore = Semaphore(2)
        var inside = 0
        var log: [Int] = []
        let tasks = (0..<6).map { number in
            createTask {
                try await semaphore.withLock {
                    inside += 1
                    #expect(inside <= 2)
                    try await sleep(.seconds(1))
                    log.append(number)
                    inside -= 1
                }
            }
        }
        #expect(try await time { try await gather(tasks) } == .seconds(3))
        #expect(log == [0, 1, 2, 3, 4, 5])
    }

    @Test func anOrdinarySemaphoreMayGrowAndABoundedOneMayNot() async throws {
        let semaphore = Semaphore(1)
        try semaphore.release()
        #expect(semaphore.value == 2)
        let bounded = BoundedSemaphore(1)
        #expect(throws: ValueError.self) { try bounded.release() }
        try await bounded.acquire()
        try bounded.release()
        #expect(throws: ValueError.self) { try bounded.release() }
    }

    @Test func releasingHandsOneToTheFirstInLineAtOnce() async throws {
        let semaphore = Semaphore(0)
        let waiting = createTask { try await semaphore.acquire() }
        try await sleep(.zero)
        try semaphore.release()
        #expect(semaphore.value == 0, "it is already acquired")
        #expect(semaphore.isLocked)
        #expect(try await turns { try await waiting.value } == 2)
    }

    @Test func newcomersWaitTheirTurnEvenIfThereIsOneLeft() async throws {
        let semaphore = Semaphore(0)
        var log: [String] = []
        let waiting = createTask {
            try await semaphore.acquire()
            log.append("waiting")
        }
        try await sleep(.zero)
        try semaphore.release()
        try semaphore.release()
        #expect(semaphore.value == 1 && semaphore.isLocked)
        try await semaphore.acquire()
        log.append("newcomer")
        try await waiting.value
        #expect(log == ["waiting", "newcomer"])
    }

    @Test func aWaiterCancelledAfterItWasWokenGivesItsOneBack() async throws {
        let semaphore = Semaphore(0)
        let tasks = (0..<2).map { _ in createTask { try await semaphore.acquire() } }
        try await sleep(.zero)
        try semaphore.release()
        tasks[0].cancel()
        try await tasks[1].value
        #expect(tasks[0].wasCancelled && semaphore.value == 0)
    }

    @Test func aWaiterCancelledBeforeItWasWokenTakesNone() async throws {
        let semaphore = Semaphore(0)
        let task = createTask { try await semaphore.acquire() }
        try await sleep(.zero)
        task.cancel()
        try semaphore.release()
        #expect(semaphore.value == 1)
        try await settle(2)
        #expect(task.wasCancelled && !semaphore.isLocked)
    }

    @Test func leavingTheLineWakesAsManyAsThereAreLeft() async throws {
        let semaphore = Semaphore(0)
        let tasks = (0..<4).map { _ in createTask { try await semaphore.acquire() } }
        try await sleep(.zero)
        for _ in 0..<2 { try semaphore.release() }
        tasks[0].cancel()
        tasks[1].cancel()
        try await settle(4)
        #expect(tasks.map(\.isDone) == [true, true, true, true])
        #expect(tasks.map(\.wasCancelled) == [true, true, false, false])
        #expect(semaphore.value == 0)
    }

    @Test(.seeds(50)) func noScheduleLosesOne() async throws {
        let semaphore = Semaphore(2)
        let tasks = (0..<8).map { _ in
            createTask {
                try await semaphore.withLock { try await sleep(.zero) }
            }
        }
        for task in tasks.dropFirst(4) {
            try await sleep(.zero)
            task.cancel()
        }
        _ = try await gatherResults(tasks)
        #expect(semaphore.value == 2)
    }
}
