import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct HedgedTests {
    @Test func aFastAnswerNeedsNoSecondRun() async throws {
        var runs = 0
        let duration = try await time {
            try await hedged(after: .seconds(1)) {
                runs += 1
                try await sleep(.milliseconds(500))
            }
        }
        #expect(runs == 1 && duration == .milliseconds(500))
    }

    @Test func aSlowAnswerIsOvertaken() async throws {
        var (runs, cancelled) = (0, 0)
        var value = 0
        let duration = try await time {
            value = try await hedged(after: .seconds(1), attempts: 3) {
                runs += 1
                let number = runs
                do { try await sleep(.seconds(number == 1 ? 60 : 1)) } catch {
                    cancelled += 1
                    throw error
                }
                return number
            }
        }
        #expect(value == 2 && duration == .seconds(2))
        #expect(cancelled >= 1 && runs <= 3)
    }

    @Test func aFailureStartsTheNextAtOnce() async throws {
        var value = ""
        let duration = try await time {
            value = try await hedged(["a", "b"], after: .seconds(10)) { name in
                if name == "a" { throw Boom() }
                return name
            }
        }
        #expect(value == "b" && duration == .zero)
    }

    @Test func ifAllFailTheErrorOfTheLastIsThrown() async throws {
        var runs = 0
        await #expect(throws: Boom(3)) {
            try await hedged(after: .seconds(1), attempts: 3) {
                runs += 1
                throw Boom(runs)
            }
        }
    }

    @Test func cancellingCancelsAllRunsAndWaits() async throws {
        var cleanedUp = 0
        let task = createTask {
            try await hedged(after: .seconds(1)) {
                do { try await sleep(.seconds(60)) } catch {
                    try await sleep(.seconds(1))
                    cleanedUp += 1
                    throw error
                }
            }
        }
        try await sleep(.seconds(5))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(cleanedUp == 2)
    }

    @Test func noRunIsAMistake() async throws {
        await #expect(throws: ValueError.self) { try await hedged(after: .seconds(1), attempts: 0) {} }
        await #expect(throws: ValueError.self) { try await hedged([Int](), after: .seconds(1)) { $0 } }
    }

    /// The runs of a hedged request, each of which takes a random time, and fails at random.
    private final class Runs {
        private(set) var started = 0
        private(set) var running = 0
        private(set) var values: [Int] = []
        private(set) var wonAt: ContinuousClock.Instant?
        /// Whether a run can return a value although it was cancelled.
        let areStubborn: Bool

        init(areStubborn: Bool = false) { self.areStubborn = areStubborn }

        func run() async throws -> Int {
            #expect(values.isEmpty, "a run started after another one had won")
            started += 1
            running += 1
            defer { running -= 1 }
            let number = started
            do {
                for _ in 0..<Int.random(in: 0...3) { try await sleep(.milliseconds(Int.random(in: 0...2))) }
            } catch {
                if !areStubborn { throw error }
            }
            if Int.random(in: 0...2) == 0 { throw Boom(number) }
            values.append(number)
            if wonAt == nil { wonAt = try EventLoop.running.now }
            return number
        }
    }

    @Test(.seeds(200), arguments: [false, true]) func everyScheduleHasOneWinner(areStubborn: Bool) async throws {
        let runs = Runs(areStubborn: areStubborn)
        do {
            let value = try await hedged(after: .milliseconds(Int.random(in: 0...2)), attempts: 4) {
                try await runs.run()
            }
            #expect(value == runs.values.first)
            // The others were cancelled, and waited for.
            #expect(try EventLoop.running.now == runs.wonAt)
        } catch is Boom {
            #expect(runs.started == 4 && runs.values.isEmpty)
        }
        #expect(runs.started <= 4 && runs.running == 0)
    }

    @Test(.seeds(200)) func aCancellationInAnyTurnLeavesNoRunBehind() async throws {
        let runs = Runs()
        let task = createTask { try await hedged(after: .milliseconds(1), attempts: 4) { try await runs.run() } }
        for _ in 0..<Int.random(in: 0...3) { try await sleep(.milliseconds(Int.random(in: 0...2))) }
        let isCancelled = task.cancel()
        let started = runs.started
        let error = await thrown { try await task.value }
        #expect(runs.running == 0)
        if isCancelled {
            // A run whose task was ready when the request was cancelled can begin, but no further one.
            #expect(error is CancellationError && runs.started <= started + 1)
        }
        try await sleep(.seconds(1))
        #expect(runs.running == 0 && runs.started <= started + 1)
    }

    @Test func theFirstValueWinsEvenIfACancelledRunReturnsAnother() async throws {
        let value = try await hedged(after: .seconds(1), attempts: 2) {
            do { try await sleep(.seconds(3)) } catch { return "late" }
            return "first"
        }
        #expect(value == "first")
    }

    @Test func theNumberOfAttemptsNeedNotBeLimited() async throws {
        var runs = 0
        let value = try await hedged(after: .seconds(1), attempts: .max) {
            runs += 1
            if runs < 3 { throw Boom() }
            return runs
        }
        #expect(value == 3)
        // Nor need the items have an end.
        let names = sequence(first: 1) { $0 + 1 }
        #expect(try await hedged(names, after: .seconds(1)) { if $0 < 4 { throw Boom() } else { $0 } } == 4)
    }
}
