import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct RetryTests {
    @Test func whatWorksAtOnceDoesNotWait() async throws {
        var value = 0
        let turns = try await turns { value = try await retry(attempts: 3) { 42 } }
        #expect(value == 42)
        #expect(turns == 0)
    }

    @Test func theWaitsGrow() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        var attempts: [Duration] = []
        let value = try await retry(attempts: 4, backoff: Backoff(initial: .seconds(1), factor: 3)) {
            attempts.append(loop.now - start)
            if attempts.count < 4 { throw Boom() }
            return "done"
        }
        #expect(value == "done")
        #expect(attempts == [.zero, .seconds(1), .seconds(4), .seconds(13)])
    }

    @Test func theLastErrorIsThrown() async throws {
        var attempts = 0
        await #expect(throws: Boom(3)) {
            try await retry(attempts: 3) {
                attempts += 1
                throw Boom(attempts)
            }
        }
    }

    @Test func whatTheFilterRefusesIsNotRetried() async throws {
        var attempts = 0
        await #expect(throws: Boom(1)) {
            try await retry(attempts: 5, when: { !($0 is Boom) }) {
                attempts += 1
                throw attempts == 1 ? ValueError("try again") : Boom(1) as any Error
            }
        }
        #expect(attempts == 2)
    }

    @Test func aCancellationIsNeverRetried() async throws {
        var attempts = 0
        let task = createTask {
            try await retry(attempts: 5, when: { _ in true }) {
                attempts += 1
                try await sleep(.seconds(60))
            }
        }
        try await sleep(.seconds(1))
        task.cancel("enough")
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(attempts == 1)
        #expect(task.cancelMessage == "enough")
    }

    @Test func aCancellationEndsTheWaitBetweenAttempts() async throws {
        let task = createTask { try await retry(attempts: 5, backoff: Backoff(initial: .seconds(60))) { throw Boom() } }
        try await sleep(.seconds(1))
        task.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .zero)
    }

    @Test func noAttemptIsAMistake() async throws {
        await #expect(throws: ValueError.self) { try await retry(attempts: 0) {} }
    }

    @Test func aWaitIsNeverLongerThanTheMaximum() {
        let backoff = Backoff(initial: .seconds(1), factor: 10, maximum: .seconds(60))
        var generator = SystemRandomNumberGenerator()
        let delays = [1, 2, 3, 4, 1_000].map { backoff.delay(afterFailure: $0, using: &generator) }
        #expect(delays == [.seconds(1), .seconds(10), .seconds(60), .seconds(60), .seconds(60)])
    }

    @Test func jitterTakesAwayAtMostItsPart() {
        let backoff = Backoff(initial: .seconds(8), jitter: 0.25)
        var generator = SystemRandomNumberGenerator()
        let delays = (0..<200).map { _ in backoff.delay(afterFailure: 1, using: &generator) }
        #expect(delays.allSatisfy { (.seconds(6)...(.seconds(8))).contains($0) })
        #expect(Set(delays).count > 1)
    }
}
