import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct CleanupTests {
    @Test func cleanUpStartsAtOnceAndHandsItsValueBack() async throws {
        var value = 0
        let turns = try await turns { value = try await withCleanup(timeout: .seconds(1)) { 42 } }
        #expect(value == 42)
        #expect(turns == 0)
    }

    @Test func cleanUpRunsToItsEndThoughItsTaskIsCancelled() async throws {
        var log: [String] = []
        let task = createTask {
            try await withCleanup(timeout: .seconds(60)) {
                try await sleep(.seconds(5))
                log.append("cleaned up")
            }
            log.append("not reached")
        }
        try await sleep(.seconds(1))
        task.cancel()
        try await sleep(.seconds(1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(log == ["cleaned up"])
    }

    @Test func foreignWaitsWorkInACleanUpAfterACancellation() async throws {
        let task = createTask {
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                try await withCleanup(timeout: .seconds(60)) { try await Task.sleep(for: .seconds(5)) }
                throw error
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .seconds(5))
    }

    @Test func aCleanUpThatTakesTooLongIsEnded() async throws {
        let duration = try await time {
            await #expect(throws: TimeoutError.self) {
                try await withCleanup(timeout: .seconds(5)) { try await sleep(.seconds(60)) }
            }
        }
        #expect(duration == .seconds(5))
    }

    @Test func aCleanUpWithoutLimitTakesAsLongAsItTakes() async throws {
        let duration = try await time { try await withCleanup(timeout: nil) { try await sleep(.seconds(3600)) } }
        #expect(duration == .seconds(3600))
    }

    @Test func anErrorOfTheCleanUpIsThrown() async throws {
        let reports = try ReportRecorder()
        await #expect(throws: Boom(1)) {
            try await withCleanup(timeout: .seconds(5)) {
                try await sleep(.zero)
                throw Boom(1)
            }
        }
        try await settle()
        #expect(reports.messages == [])
    }

    @Test func aTimeOutAroundWaitsForTheCleanUp() async throws {
        let duration = try await time {
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.seconds(1)) {
                    try await withCleanup(timeout: .seconds(60)) { try await sleep(.seconds(3)) }
                }
            }
        }
        #expect(duration == .seconds(3))
    }

    @Test func aPlainSwiftTaskMayCleanUpAfterItsCancellation() async throws {
        var hasCleanedUp = false
        let task = Task {
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                try? await withCleanup(timeout: .seconds(60)) {
                    try await sleep(.seconds(1))
                    hasCleanedUp = true
                }
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        await task.value
        #expect(hasCleanedUp)
    }
}
