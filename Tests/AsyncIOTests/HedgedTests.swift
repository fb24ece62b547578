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
}
