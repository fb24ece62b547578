import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct CircuitBreakerTests {
    private func fail(_ breaker: CircuitBreaker, times: Int = 1) async {
        for _ in 0..<times { await #expect(throws: Boom.self) { try await breaker.run { throw Boom() } } }
    }

    @Test func failuresInARowOpenItAndASuccessfulTrialClosesIt() async throws {
        let breaker = CircuitBreaker(failures: 3, recovery: .seconds(30))
        await fail(breaker, times: 2)
        try await breaker.run {}
        await fail(breaker, times: 2)
        #expect(breaker.state == .closed)
        await fail(breaker)
        #expect(breaker.state == .open)
        try await sleep(.seconds(10))
        let error = await #expect(throws: CircuitOpenError.self) {
            try await breaker.run { Issue.record("a call ran") }
        }
        #expect(error?.retryAfter == .seconds(20))
        try await sleep(.seconds(20))
        #expect(breaker.state == .halfOpen)
        #expect(try await breaker.run { 42 } == 42)
        #expect(breaker.state == .closed)
        await fail(breaker, times: 2)
        #expect(breaker.state == .closed)
    }

    @Test func aFailedTrialOpensItAgain() async throws {
        let breaker = CircuitBreaker(failures: 3, recovery: .seconds(30))
        await fail(breaker, times: 3)
        try await sleep(.seconds(30))
        await fail(breaker)
        #expect(breaker.state == .open)
        try await sleep(.seconds(30))
        #expect(breaker.state == .halfOpen)
    }

    @Test func onlyOneTrialRunsAtATime() async throws {
        let breaker = CircuitBreaker(failures: 1, recovery: .seconds(30))
        await fail(breaker)
        try await sleep(.seconds(30))
        let trial = createTask { try await breaker.run { try await sleep(.seconds(5)) } }
        try await sleep(.seconds(1))
        let error = await #expect(throws: CircuitOpenError.self) { try await breaker.run {} }
        #expect(error?.retryAfter == .zero)
        try await trial.value
        try await breaker.run {}
    }

    @Test func aCancelledTrialLeavesTheTrialToTheNextCall() async throws {
        let breaker = CircuitBreaker(failures: 1, recovery: .seconds(30))
        await fail(breaker)
        try await sleep(.seconds(30))
        let trial = createTask { try await breaker.run { try await sleep(.seconds(60)) } }
        try await sleep(.seconds(1))
        trial.cancel()
        await #expect(throws: CancellationError.self) { try await trial.value }
        #expect(breaker.state == .halfOpen)
        try await breaker.run {}
        #expect(breaker.state == .closed)
    }

    @Test func callsFromBeforeItOpenedDoNotCount() async throws {
        let breaker = CircuitBreaker(failures: 1, recovery: .seconds(30))
        let slowSuccess = createTask { try await breaker.run { try await sleep(.seconds(5)) } }
        let slowFailure = createTask {
            try await breaker.run {
                try await sleep(.seconds(20))
                throw Boom()
            }
        }
        try await sleep(.seconds(1))
        await fail(breaker)
        try await slowSuccess.value
        #expect(breaker.state == .open)
        await #expect(throws: Boom.self) { try await slowFailure.value }
        try await sleep(.seconds(11))
        #expect(breaker.state == .halfOpen)
    }

    @Test func errorsThatAreNoFailuresCountAsSuccesses() async throws {
        let breaker = CircuitBreaker(failures: 2, recovery: .seconds(30), isFailure: { !($0 is ValueError) })
        await fail(breaker)
        await #expect(throws: ValueError.self) { try await breaker.run { throw ValueError("refused") } }
        await fail(breaker)
        #expect(breaker.state == .closed)
    }

    @Test func itCanBeClosedByHand() async throws {
        let breaker = CircuitBreaker(failures: 1, recovery: .seconds(30))
        await fail(breaker)
        breaker.reset()
        try await breaker.run {}
    }

    @Test func badNumbersAreErrors() {
        #expect(throws: ValueError.self) { try CircuitBreaker(validatingFailures: 0, recovery: .seconds(1)) }
        #expect(throws: ValueError.self) { try CircuitBreaker(validatingFailures: 1, recovery: .zero) }
    }

    @Test func aTrialThatWasOvertakenByAResetDoesNotEndTheNextOne() async throws {
        let breaker = CircuitBreaker(failures: 1, recovery: .seconds(1))
        func fail() async throws {
            await #expect(throws: Boom.self) { try await breaker.run { throw Boom() } }
            try await sleep(.seconds(1))
        }
        try await fail()
        let first = createTask { try await breaker.run { try await sleep(.seconds(10)) } }
        try await sleep(.zero)
        breaker.reset()
        try await fail()
        let second = createTask { try await breaker.run { try await sleep(.seconds(60)) } }
        try await first.value
        #expect(breaker.state == .halfOpen)
        let error = await #expect(throws: CircuitOpenError.self) { try await breaker.run {} }
        #expect(error?.retryAfter == .zero && "\(error.map { "\($0)" } ?? "")".contains("while a trial is running"))
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        try await breaker.run {}
        #expect(breaker.state == .closed)
    }

    /// Twelve tasks call a service at random times. It succeeds, fails, or takes so long that the call is cancelled.
    @Test(.seeds(100)) func noScheduleLetsASecondTrialThroughOrLosesTheTrial() async throws {
        let breaker = CircuitBreaker(failures: 2, recovery: .milliseconds(5))
        var (trials, trialsEver) = (0, 0)
        func call() async throws {
            let isTrial = breaker.state == .halfOpen
            #expect(breaker.state != .open)
            if isTrial {
                (trials, trialsEver) = (trials + 1, trialsEver + 1)
                #expect(trials == 1)
            }
            defer { if isTrial { trials -= 1 } }
            for _ in 0..<Int.random(in: 0...3) { try await sleep(.milliseconds(Int.random(in: 0...1))) }
            if Int.random(in: 0...2) > 0 { throw Boom() }
        }
        let tasks = (0..<12).map { _ in
            createTask {
                for _ in 0..<8 {
                    do {
                        try await breaker.run { try await call() }
                    } catch let error as CircuitOpenError {
                        // It is refused only while the breaker is open, or a trial is running.
                        #expect(breaker.state == .open ? error.retryAfter > .zero : trials == 1)
                    } catch is Boom {}
                    try await sleep(.milliseconds(Int.random(in: 0...4)))
                }
            }
        }
        for task in tasks.prefix(6) {
            try await sleep(.milliseconds(Int.random(in: 0...4)))
            task.cancel()
        }
        _ = try await gatherResults(tasks)
        #expect(trials == 0 && trialsEver > 0)
        try await sleep(.milliseconds(5))
        try await breaker.run {}
        #expect(breaker.state == .closed)
    }
}
