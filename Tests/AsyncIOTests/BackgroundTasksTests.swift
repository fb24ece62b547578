import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct BackgroundTasksTests {
    @Test func tasksAreHeldUntilTheyEnd() async throws {
        let background = BackgroundTasks()
        for seconds in 1...3 { background.createTask { try await sleep(.seconds(seconds)) } }
        var counts: [Int] = []
        for _ in 0..<4 {
            counts.append(background.count)
            try await sleep(.seconds(1))
            try await settle()
        }
        #expect(counts == [3, 2, 1, 0])
    }

    @Test func aTaskThatFailsIsReportedAndTheOthersGoOn() async throws {
        let reports = try ReportRecorder()
        var hasEnded = false
        try await withBackgroundTasks { background in
            background.createTask(name: "metrics") { throw Boom(1) }
            background.createTask {
                try await sleep(.seconds(1))
                hasEnded = true
            }
            try await sleep(.seconds(2))
        }
        #expect(hasEnded)
        #expect(reports.messages == ["A background task failed"])
        #expect(reports.reports.first?.error as? Boom == Boom(1))
        #expect(reports.reports.first?.subject?.contains("metrics") == true)
        #expect(reports.reports.first?.location?.contains("BackgroundTasksTests.swift") == true)
    }

    @Test func whoWantsToKnowOfFailuresIsToldInPlaceOfTheHandler() async throws {
        let reports = try ReportRecorder()
        var failures: [String] = []
        let onError = { (error: any Error, task: AnyAsyncTask) in failures.append("\(task.name): \(error)") }
        try await withBackgroundTasks(onError: onError) { background in
            background.createTask(name: "metrics") { throw Boom(1) }
            try await sleep(.seconds(1))
        }
        #expect(failures == ["metrics: boom 1"])
        #expect(reports.messages == [])
    }

    @Test func whatStillRunsIsCancelledAndWaitedForInTheOrderItWasStarted() async throws {
        var log: [Int] = []
        let duration = try await time {
            try await withBackgroundTasks { background in
                for number in 0..<20 {
                    background.createTask {
                        do {
                            try await sleep(.seconds(3600))
                        } catch {
                            try await sleep(.seconds(5))
                            log.append(number)
                            throw error
                        }
                    }
                }
                try await sleep(.seconds(1))
            }
        }
        #expect(log == Array(0..<20))
        #expect(duration == .seconds(6))
    }

    @Test func anErrorOfTheBodyComesAfterTheTasksHaveEnded() async throws {
        var task: AsyncTask<Void>?
        await #expect(throws: Boom(1)) {
            try await withBackgroundTasks { background in
                task = background.createTask { try await sleep(.seconds(3600)) }
                try await sleep(.seconds(1))
                throw Boom(1)
            }
        }
        #expect(task?.wasCancelled == true)
    }

    @Test func aCancellationDuringTheEndIsThrownWhenTheTasksHaveEnded() async throws {
        var hasCleanedUp = false
        let task = createTask {
            try await withBackgroundTasks { background in
                background.createTask {
                    do {
                        try await sleep(.seconds(3600))
                    } catch {
                        try await sleep(.seconds(5))
                        hasCleanedUp = true
                        throw error
                    }
                }
                try await sleep(.seconds(1))
            }
        }
        try await sleep(.seconds(2))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(hasCleanedUp)
    }

    @Test func whatACleanUpStartsIsCancelledAndWaitedForToo() async throws {
        var late: AsyncTask<Void>?
        try await withBackgroundTasks { background in
            background.createTask {
                do {
                    try await sleep(.seconds(3600))
                } catch {
                    late = background.createTask { try await sleep(.seconds(3600)) }
                    throw error
                }
            }
            try await sleep(.seconds(1))
        }
        #expect(late?.wasCancelled == true)
    }

    @Test func aTaskThatIsCancelledIsNoFailure() async throws {
        let reports = try ReportRecorder()
        let background = BackgroundTasks()
        let task = background.createTask { try await sleep(.seconds(3600)) }
        try await sleep(.seconds(1))
        task.cancel()
        try await settle()
        #expect(background.count == 0)
        #expect(reports.messages == [])
        try await background.cancelAll()
    }
}
