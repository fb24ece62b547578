import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct RateLimiterTests {
    /// The times at which permits are given, in seconds.
    private func times(_ limiter: RateLimiter, count: Int) async throws -> [Double] {
        let loop = try EventLoop.running
        let start = loop.now
        return try await gather(0..<count) { _ in
            try await limiter.acquire()
            return (loop.now - start) / .seconds(1)
        }
    }

    @Test func aTokenBucketGivesABurstAndThenTheRate() async throws {
        let limiter = RateLimiter(2, per: .seconds(1), burst: 4)
        #expect(try await times(limiter, count: 7) == [0, 0, 0, 0, 0.5, 1, 1.5])
        try await sleep(.seconds(60))
        #expect(limiter.available == 4)
        #expect(try await times(limiter, count: 5) == [0, 0, 0, 0, 0.5])
    }

    @Test func aLeakyBucketSpacesEvenly() async throws {
        let limiter = RateLimiter(10, per: .seconds(1), burst: 1)
        try await sleep(.seconds(60))
        #expect(try await times(limiter, count: 4) == [0, 0.1, 0.2, 0.3])
    }

    @Test func aRateThatIsNotWholeNanosecondsDoesNotStall() async throws {
        let limiter = RateLimiter(3, per: .seconds(1), burst: 1)
        let times = try await times(limiter, count: 31)
        #expect(abs(times[30] - 10) < 0.001)
    }

    @Test func severalPermitsAreTakenTogether() async throws {
        let limiter = RateLimiter(1, per: .seconds(1), burst: 5)
        try await limiter.acquire(3)
        #expect(limiter.available == 2)
        #expect(try await time { try await limiter.acquire(5) } == .seconds(3))
        #expect(limiter.available == 0)
    }

    @Test func tryingTakesOnlyWhatIsThere() async throws {
        let limiter = RateLimiter(1, per: .seconds(1), burst: 2)
        #expect(try limiter.tryAcquire() && limiter.tryAcquire())
        #expect(try !limiter.tryAcquire())
        try await sleep(.seconds(1))
        let waiting = createTask { try await limiter.acquire(2) }
        try await sleep(.zero)
        // The permit is for the task that waits.
        #expect(limiter.available == 1)
        #expect(try !limiter.tryAcquire())
        try await waiting.value
        try await sleep(.seconds(1))
        #expect(try limiter.tryAcquire())
    }

    @Test func tasksAreServedInOrderWhateverTheyWant() async throws {
        let limiter = RateLimiter(1, per: .seconds(1), burst: 3)
        try await limiter.acquire(3)
        var log: [String] = []
        let tasks = [3, 1].map { count in
            createTask {
                try await limiter.acquire(count)
                log.append("\(count)")
            }
        }
        #expect(try await time { try await gather(tasks) } == .seconds(4))
        #expect(log == ["3", "1"])
    }

    @Test func aCancelledTaskTakesNothing() async throws {
        let limiter = RateLimiter(1, per: .seconds(1), burst: 1)
        try await limiter.acquire()
        let tasks = (0..<3).map { _ in createTask { try await limiter.acquire() } }
        try await sleep(.seconds(0.5))
        tasks[0].cancel()
        tasks[1].cancel()
        for task in tasks.prefix(2) { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(try await time { try await tasks[2].value } == .seconds(0.5))
    }

    @Test(.seeds(20)) func noScheduleExceedsTheRate() async throws {
        let limiter = RateLimiter(10, per: .seconds(1), burst: 2)
        let times = try await times(limiter, count: 12).sorted()
        #expect(times == [0, 0] + (1...10).map { Double($0) / 10 })
    }

    @Test func badNumbersAreErrors() async throws {
        #expect(throws: ValueError.self) { try RateLimiter(validating: 0, per: .seconds(1)) }
        #expect(throws: ValueError.self) { try RateLimiter(validating: 1, per: .zero) }
        #expect(throws: ValueError.self) { try RateLimiter(validating: 1, per: .seconds(1), burst: 0) }
        let limiter = RateLimiter(2, per: .seconds(1))
        #expect(limiter.burst == 2)
        await #expect(throws: ValueError.self) { try await limiter.acquire(3) }
        #expect(throws: ValueError.self) { try limiter.tryAcquire(0) }
    }

    @Test func nothingOvertakesATaskThatIsAboutToContinue() async throws {
        let limiter = RateLimiter(1, per: .seconds(1), burst: 10)
        try await limiter.acquire(10)
        var isRefused = false
        let first = createTask {
            do { try await limiter.acquire(9) } catch {
                // The next one in line has been woken, and there are permits.
                isRefused = try !limiter.tryAcquire() && limiter.available == 3
                throw error
            }
        }
        let second = createTask { try await limiter.acquire(3) }
        try await sleep(.seconds(3))
        first.cancel()
        #expect(try await time { try await second.value } == .zero)
        #expect(isRefused)
        await #expect(throws: CancellationError.self) { try await first.value }
    }

    @Test func aBucketThatIsNeverFullIsAMistake() {
        let huge = #expect(throws: ValueError.self) { try RateLimiter(validating: 1, per: .seconds(60), burst: .max) }
        #expect(huge?.message.contains("takes more than 30 years to refill") == true)
        #expect(throws: ValueError.self) { try RateLimiter(validating: 1, per: .seconds(Int64.max)) }
        #expect(throws: ValueError.self) { try RateLimiter(validating: .max, per: .seconds(3_600)) }
        #expect(throws: Never.self) { try RateLimiter(validating: .max, per: .seconds(3_600), burst: 1_000_000) }
    }
}
