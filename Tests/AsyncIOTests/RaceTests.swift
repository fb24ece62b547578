import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct RaceTests {
    @Test func theFirstToEndDecides() async throws {
        var winner = ""
        let duration = try await time {
            winner = try await race({ try await answer("slow", 3) }, { try await answer("fast", 1) })
        }
        #expect(winner == "fast")
        #expect(duration == .seconds(1))
    }

    @Test func anErrorDecidesTooIfItIsFirst() async throws {
        await #expect(throws: Boom(1)) {
            try await race(
                { try await answer("slow", 2) },
                {
                    try await sleep(.seconds(1))
                    throw Boom(1)
                })
        }
    }

    @Test func ofThoseThatEndInTheSameTurnTheFirstInOrderWins() async throws {
        let winner = try await race({ try await answer("a", 1) }, { try await answer("b", 1) })
        #expect(winner == "a")
    }

    @Test func losersAreCancelledAndWaitedFor() async throws {
        var log: [String] = []
        let duration = try await time {
            _ = try await race(
                { try await answer("fast", 1) },
                {
                    do {
                        return try await answer("slow", 60)
                    } catch {
                        try await sleep(.seconds(5))
                        log.append("cleaned up")
                        throw error
                    }
                })
            log.append("over")
        }
        #expect(log == ["cleaned up", "over"])
        #expect(duration == .seconds(6))
    }

    @Test func aLoserThatFailsWhileItEndsIsNotReported() async throws {
        let reports = try ReportRecorder()
        let winner = try await race(
            { try await answer("fast", 1) },
            {
                do { return try await answer("slow", 60) } catch { throw Boom() }
            })
        try await settle()
        #expect(winner == "fast")
        #expect(reports.messages == [])
    }

    @Test func cancellingTheOneWhoWaitsCancelsAllAndWaitsForThem() async throws {
        var cleanedUp = 0
        let task = createTask {
            try await race(0..<3) { number in
                do {
                    try await sleep(.seconds(60))
                } catch {
                    try await sleep(.seconds(number))
                    cleanedUp += 1
                    throw error
                }
            }
        }
        try await sleep(.seconds(1))
        let duration = try await time {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(cleanedUp == 3)
        #expect(duration == .seconds(2))
    }

    @Test func aCancellationDuringTheLosersCleanUpIsThrownWhenTheyHaveEnded() async throws {
        var hasCleanedUp = false
        let task = createTask {
            try await race(
                { try await answer("fast", 1) },
                {
                    do {
                        return try await answer("slow", 60)
                    } catch {
                        try await sleep(.seconds(5))
                        hasCleanedUp = true
                        throw error
                    }
                })
        }
        try await sleep(.seconds(2))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(hasCleanedUp)
    }

    @Test func aPlainSwiftTaskMayRaceAndBeCancelled() async throws {
        let inside = try await Task { try await race({ try await answer("a", 1) }, { try await answer("b", 2) }) }.value
        #expect(inside == "a")
        let task = Task { try await race({ try await answer("a", 60) }) }
        try await sleep(.seconds(1))
        task.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .zero)
    }

    @Test func aRaceOfNobodyIsAMistake() async throws {
        await #expect(throws: ValueError.self) { try await race([Int]()) { $0 } }
        await #expect(throws: ValueError.self) { try await firstCompleted([AsyncTask<Int>]()) }
    }

    @Test func tasksAndFuturesMayRace() async throws {
        let futures = (0..<3).map { _ in Future<Int>() }
        try EventLoop.running.callLater(.seconds(1)) { try futures[1].setResult(1) }
        #expect(try await firstCompleted(futures) == 1)
        #expect(futures.map(\.wasCancelled) == [true, false, true])
    }
}

private func answer(_ text: String, _ seconds: Int) async throws -> String {
    try await sleep(.seconds(seconds))
    return text
}
