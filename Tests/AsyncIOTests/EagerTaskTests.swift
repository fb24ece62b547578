import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct EagerTaskTests {
    @Test func theFirstStepRunsInsideCreateTaskAsTheNewTask() async throws {
        let creator = currentTask()
        var inside: AnyAsyncTask?
        var seen = ""
        let task = Local.$value.withValue("creator's") {
            createTask(eager: true) {
                inside = currentTask()
                seen = Local.value
            }
        }
        #expect(inside === task)
        #expect(seen == "creator's")
        #expect(currentTask() === creator)
    }

    @Test func aTaskThatDoesNotSuspendHasEndedAtOnceWithoutATurn() async throws {
        let loop = try EventLoop.running
        let before = loop.turns
        var wasListed = false
        let task = createTask(eager: true) {
            wasListed = allTasks().contains { $0 === currentTask() }
            return 42
        }
        #expect(task.isDone)
        #expect(try task.result() == 42)
        #expect(wasListed)
        #expect(!allTasks().contains { $0 === task })
        #expect(try await task.value == 42)
        #expect(loop.turns == before)
    }

    @Test func anErrorBeforeTheFirstSuspensionIsTheTasks() async throws {
        let task = createTask(eager: true) { throw TestError("early") }
        #expect(task.isDone)
        await #expect(throws: TestError("early")) { try await task.value }
    }

    @Test func whatComesAfterTheFirstSuspensionIsScheduledAsUsual() async throws {
        let loop = try EventLoop.running
        let log = Log()
        let eager = createTask(eager: true) {
            log("eager begins")
            try await sleep(.zero)
            log("eager goes on")
        }
        log("created")
        #expect(!eager.isDone)
        let plain = createTask { log("plain") }
        let before = loop.turns
        try await plain.value
        #expect(log.lines == ["eager begins", "created", "eager goes on", "plain"])
        #expect(loop.turns == before + 2)
    }

    @Test func nestedEagerStartsKeepTheCurrentTask() async throws {
        let log = Log()
        createTask(name: "outer", eager: true) {
            createTask(name: "inner", eager: true) {
                log(currentTask()?.name ?? "none")
                try await sleep(.zero)
                log(currentTask()?.name ?? "none")
            }
            log(currentTask()?.name ?? "none")
            try await sleep(.zero)
            log(currentTask()?.name ?? "none")
        }
        try await sleep(.milliseconds(1))
        #expect(log.lines == ["inner", "outer", "inner", "outer"])
    }

    @Test func cancellingAfterAnEagerEndSaysNo() async throws {
        let task = createTask(eager: true) { 1 }
        #expect(!task.cancel())
        #expect(!task.wasCancelled)
    }

    @Test func cancellingAfterTheFirstSuspensionIsOrdinary() async throws {
        let log = Log()
        let task = createTask(eager: true) {
            do { try await sleep(.seconds(1)) } catch {
                log("\(error)")
                throw error
            }
        }
        #expect(task.cancel())
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(task.wasCancelled)
        #expect(log.lines == ["CancellationError()"])
    }

    @Test func aTaskThatCancelsItselfInItsFirstStepIsCancelledAtItsFirstWait() async throws {
        let log = Log()
        let task = createTask(eager: true) {
            currentTask()?.cancel()
            log("still here")
            try await sleep(.zero)
            log("not here")
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(log.lines == ["still here"])
    }

    @Test func eachTaskChoosesForItself() async throws {
        let log = Log()
        createTask(eager: true) {
            log("eager")
            createTask { log("plain inside eager") }
            createTask(eager: true) { log("eager inside eager") }
        }
        createTask(eager: false) { log("plain") }
        log("created")
        try await sleep(.milliseconds(1))
        #expect(log.lines == ["eager", "eager inside eager", "created", "plain inside eager", "plain"])
    }

    @Test func aChildThatFailsInItsFirstStepCancelsItsGroupsBodyOnlyAtTheNextWait() async throws {
        let log = Log()
        do {
            try await withAsyncTaskGroup { group in
                let child = try group.createTask(eager: true) { throw TestError("early") }
                log("created, done \(child.isDone), cancelling \(currentTask()?.cancelling ?? -1)")
                try await sleep(.seconds(1))
                log("not here")
            }
        } catch let group as ExceptionGroup {
            log("\(group.errors.count) error")
        }
        #expect(log.lines == ["created, done true, cancelling 0", "1 error"])
    }

    @Test func anEagerGatherOfTasksThatHaveEndedTakesNoTurn() async throws {
        let loop = try EventLoop.running
        let before = loop.turns
        let values = try await gather((0..<3).map { number in createTask(eager: true) { number } })
        #expect(values == [0, 1, 2])
        #expect(loop.turns == before)
    }

    @Test func aDoneCallbackOfAnEagerTaskComesInTheNextTurn() async throws {
        let loop = try EventLoop.running
        let before = loop.turns
        var calledIn: UInt64?
        let task = createTask(eager: true) {}
        task.addDoneCallback { _ in calledIn = loop.turns }
        #expect(calledIn == nil)
        try await sleep(.zero)
        #expect(calledIn == before + 1)
    }
}
