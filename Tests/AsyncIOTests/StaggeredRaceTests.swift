import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct StaggeredRaceTests {
    private var log = Log()

    private func body(_ number: Int, _ seconds: Int, fails: Bool = false) -> () async throws -> Int {
        { [log] in
            log.lines.append("\(number) starts")
            do { try await sleep(.seconds(seconds)) } catch {
                log.lines.append("\(number) cancelled")
                throw error
            }
            if fails { throw Boom(number) }
            return number
        }
    }

    @Test func theNextStartsAfterTheDelayAndTheFirstValueWins() async throws {
        let passed = try await time {
            let (value, index, errors) = try await staggeredRace(
                delay: .seconds(2), body(0, 10), body(1, 3), body(2, 10), body(3, 10))
            #expect(value == 1 && index == 1)
            #expect(errors.count == 3 && errors[0] is CancellationError && errors[1] == nil)
        }
        #expect(passed == .seconds(5))
        #expect(log.lines == ["0 starts", "1 starts", "2 starts", "0 cancelled", "2 cancelled"])
    }

    @Test func theNextStartsAtOnceWhenTheOneBeforeFails() async throws {
        let passed = try await time {
            let (value, index, errors) = try await staggeredRace(
                delay: .seconds(10), body(0, 1, fails: true), body(1, 1))
            #expect(value == 1 && index == 1)
            #expect(errors[0] as? Boom == Boom(0) && errors[1] == nil)
        }
        #expect(passed == .seconds(2))
    }

    @Test func withoutADelayTheyStartOneAfterTheOther() async throws {
        let (value, index, errors) = try await staggeredRace(
            delay: nil, body(0, 100, fails: true), body(1, 100, fails: true), body(2, 1))
        #expect(value == 2 && index == 2 && errors.count == 3)
        #expect(log.lines == ["0 starts", "1 starts", "2 starts"])
    }

    @Test func withoutAWinnerThereAreOnlyErrors() async throws {
        let (value, index, errors) = try await staggeredRace(
            delay: .seconds(1), body(0, 5, fails: true), body(1, 1, fails: true))
        #expect(value == nil && index == nil)
        #expect(errors.map { ($0 as? Boom)?.number } == [0, 1])
    }

    @Test func ofNothingThereIsNoWinner() async throws {
        let (value, index, errors) = try await staggeredRace([Int](), delay: nil) { $0 }
        #expect(value == nil && index == nil && errors.isEmpty)
    }

    @Test func aCancellationFromOutsideCancelsAllAndPassesThrough() async throws {
        let racing = createTask {
            try await staggeredRace(delay: .seconds(1), body(0, 10), body(1, 10), body(2, 10)).value
        }
        try await sleep(.milliseconds(1500))
        racing.cancel("outside")
        #expect(await thrown { try await racing.value } is CancellationError)
        #expect(currentTask()?.cancelMessage == "outside")
        #expect(racing.wasCancelled && racing.cancelling == 1)
        #expect(log.lines == ["0 starts", "1 starts", "0 cancelled", "1 cancelled"])
        #expect(allTasks().count == 1, "nothing is left running")
    }

    @Test func aPlainTaskMayRaceToo() async throws {
        let racing = Task { try await staggeredRace(delay: .seconds(1), body(0, 10), body(1, 10)).value }
        try await sleep(.milliseconds(1500))
        racing.cancel()
        #expect(await racing.result.isCancellation)
        #expect(allTasks().count == 1)
    }
}

extension Result {
    /// Whether the error is a `CancellationError`.
    var isCancellation: Bool {
        if case .failure(is CancellationError) = self { return true }
        return false
    }
}
