import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct CapacityLimiterTests {
    @Test func soManyAtATime() async throws {
        let limiter = CapacityLimiter(2)
        let duration = try await time {
            try await gather(0..<6) { _ in
                try await limiter.withLock {
                    #expect(limiter.used <= 2)
                    try await sleep(.seconds(1))
                }
            }
        }
        #expect(duration == .seconds(3))
        #expect(limiter.used == 0)
    }

    @Test func aTotalThatShrinksTakesAFreeSlotBeforeAWokenTaskRuns() async throws {
        let limiter = CapacityLimiter(2)
        try await limiter.acquire()
        #expect(limiter.acquireNoWait())
        #expect(!limiter.acquireNoWait())
        let woken = createTask { try await limiter.acquire() }
        try await sleep(.zero)
        limiter.release()
        // The slot belongs to the task that waits.
        #expect(!limiter.acquireNoWait())
        limiter.release()
        limiter.total = 1
        try await woken.value
        #expect(limiter.used == 1)
        #expect(!limiter.acquireNoWait())
        limiter.release()
        #expect(limiter.acquireNoWait())
    }

    @Test(.seeds(100)) func noScheduleLosesASlotOrMakesOneMore() async throws {
        let limiter = CapacityLimiter(3)
        var (most, ended) = (0, 0)
        let users = (0..<12).map { _ in
            createTask {
                try await limiter.withLock {
                    most = max(most, limiter.used)
                    try await sleep(.zero)
                }
                ended += 1
            }
        }
        let changing = createTask {
            for total in [1, 4, 2, 1] {
                try await sleep(.zero)
                limiter.total = total
            }
        }
        users[3].cancel()
        try await changing.value
        for (number, user) in users.enumerated() where number != 3 { try await user.value }
        _ = try? await users[3].value
        #expect(most <= 4 && ended >= 11)
        #expect(limiter.used == 0 && limiter.total == 1)
        #expect(limiter.acquireNoWait() && !limiter.acquireNoWait())
    }

    @Test func theTotalCanGrowAndShrink() async throws {
        let limiter = CapacityLimiter(1)
        try await limiter.acquire()
        let waiting = (0..<3).map { _ in createTask { try await limiter.acquire() } }
        try await sleep(.zero)
        limiter.total = 3
        try await settle()
        #expect(waiting.map(\.isDone) == [true, true, false])
        #expect(limiter.used == 3)
        limiter.total = 1
        limiter.release()
        limiter.release()
        try await settle()
        #expect(!waiting[2].isDone)
        limiter.release()
        try await waiting[2].value
        #expect(limiter.used == 1)
        limiter.release()
        limiter.total = 2
        let cost = try await turns {
            try await limiter.acquire()
            try await limiter.acquire()
        }
        #expect(cost == 0)
        let last = createTask { try await limiter.acquire() }
        try await settle()
        #expect(!last.isDone)
        last.cancel()
        await #expect(throws: CancellationError.self) { try await last.value }
        #expect(limiter.used == 2)
    }

    @Test func aTotalBelowOneIsAnError() { #expect(throws: ValueError.self) { try CapacityLimiter(validating: 0) } }
}
