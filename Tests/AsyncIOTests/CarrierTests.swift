import AsyncIO
import AsyncIOTesting
import Testing

/// The difference between a carrier and an inline body shows in waits for code that does not know
/// asyncio, whose native cancellation stays set.
@Suite(.virtualTime) struct CarrierTests {
    /// The kinds of foreign waits. Each takes a second and reacts to a cancellation.
    enum Foreign: CaseIterable {
        case taskSleep, asyncLet, taskGroup, plainTask, stream

        func wait() async throws {
            switch self {
            case .taskSleep:
                try await Task.sleep(for: .seconds(1))
            case .asyncLet:
                async let sleeping: Void = Task.sleep(for: .seconds(1))
                try await sleeping
            case .taskGroup:
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await Task.sleep(for: .seconds(1)) }
                    try await group.waitForAll()
                }
            case .plainTask:
                let task = Task { try await Task.sleep(for: .seconds(1)) }
                try await withTaskCancellationHandler {
                    try await task.value
                } onCancel: {
                    task.cancel()
                }
            case .stream:
                let (stream, continuation) = AsyncStream<Void>.makeStream()
                Task {
                    try await Task.sleep(for: .seconds(1))
                    continuation.finish()
                }
                for await _ in stream {}
                // A stream ends without an error when its reader is cancelled.
                try Task.checkCancellation()
            }
        }
    }

    /// Checks that foreign waits work here, because the carrier is not cancelled.
    private func expectForeignWaitsWork() async throws {
        #expect(!Task.isCancelled)
        for foreign in Foreign.allCases {
            #expect(try await time { try await foreign.wait() } == .seconds(1), "\(foreign)")
        }
    }

    // MARK: Scopes that cancel their body and continue

    @Test(arguments: Foreign.allCases)
    func aTimeoutEndsAForeignWaitAndCancelsItAlone(foreign: Foreign) async throws {
        let passed = try await time {
            let error = await thrown { try await withTimeout(.milliseconds(500)) { try await foreign.wait() } }
            #expect(error is TimeoutError)
        }
        #expect(passed == .milliseconds(500))
        #expect(currentTask()?.cancelling == 0)
        try await expectForeignWaitsWork()
        try await sleep(.seconds(1))
    }

    @Test(arguments: Foreign.allCases)
    func waitForEndsAForeignWaitAndCancelsItAlone(foreign: Foreign) async throws {
        let error = await thrown { try await waitFor(timeout: .milliseconds(500)) { try await foreign.wait() } }
        #expect(error is TimeoutError)
        try await expectForeignWaitsWork()
    }

    @Test(arguments: Foreign.allCases)
    func aFailingSiblingEndsAForeignWaitOfTheBodyAndCancelsItAlone(foreign: Foreign) async throws {
        let passed = try await time {
            let error = await thrown {
                try await withAsyncTaskGroup { group in
                    try group.createTask {
                        try await sleep(.milliseconds(500))
                        throw Boom(1)
                    }
                    try await foreign.wait()
                }
            }
            #expect((error as? ExceptionGroup)?.errors as? [Boom] == [Boom(1)])
        }
        #expect(passed == .milliseconds(500))
        #expect(currentTask()?.cancelling == 0)
        try await expectForeignWaitsWork()
    }

    @Test(arguments: Foreign.allCases)
    func aFailingSiblingEndsAForeignWaitOfAnotherTask(foreign: Foreign) async throws {
        let passed = try await time {
            await thrown {
                try await withAsyncTaskGroup { group in
                    try group.createTask { try await foreign.wait() }
                    try group.createTask { throw Boom(1) }
                }
            }
        }
        #expect(passed == .zero)
        try await expectForeignWaitsWork()
    }

    @Test func aCancelledGroupEndsAForeignWaitOfItsBody() async throws {
        let group = AsyncTaskGroup()
        try EventLoop.running.callLater(.milliseconds(500)) { group.cancel() }
        let passed = try await time {
            try await withAsyncTaskGroup(group) { try await Task.sleep(for: .seconds(10)) }
        }
        #expect(passed == .milliseconds(500))
        try await expectForeignWaitsWork()
    }

    @Test func nestedScopesCancelNoMoreThanTheirOwnBody() async throws {
        var log: [String] = []
        try await withTimeout(.seconds(10)) {
            let error = await thrown {
                try await withTimeout(.seconds(1)) {
                    let inner = await thrown {
                        try await withTimeout(.milliseconds(500)) { try await Task.sleep(for: .seconds(5)) }
                    }
                    log.append("inner \(inner is TimeoutError), cancelled: \(Task.isCancelled)")
                    try await Task.sleep(for: .seconds(5))
                }
            }
            log.append("middle \(error is TimeoutError), cancelled: \(Task.isCancelled)")
            try await expectForeignWaitsWork()
        }
        #expect(log == ["inner true, cancelled: false", "middle true, cancelled: false"])
    }

    @Test func aScopeIsTheSameTask() async throws {
        let me = try #require(currentTask())
        try await withTimeout(.seconds(1)) {
            #expect(currentTask() === me)
            try await withAsyncTaskGroup { _ in #expect(currentTask() === me) }
            try await Task.sleep(for: .milliseconds(1))
            #expect(currentTask() === me)
        }
        try await withTimeout(.seconds(1)) { try await sleep(.milliseconds(1)) }
        #expect(currentTask() === me)
    }

    // MARK: Cancelling a task

    @Test(arguments: Foreign.allCases)
    func cancellingATaskReachesAForeignWaitInsideIt(foreign: Foreign) async throws {
        let task = createTask { try await foreign.wait() }
        try await sleep(.milliseconds(500))
        let passed = try await time {
            task.cancel()
            #expect(await thrown { try await task.value } is CancellationError)
        }
        #expect(passed == .zero)
        #expect(task.wasCancelled)
    }

    @Test func cancellingATaskReachesAForeignWaitInsideItsScopes() async throws {
        let task = createTask {
            try await withTimeout(.seconds(10)) {
                try await withAsyncTaskGroup { _ in try await Task.sleep(for: .seconds(5)) }
            }
        }
        try await sleep(.seconds(1))
        let passed = try await time {
            task.cancel()
            #expect(await thrown { try await task.value } is CancellationError)
        }
        #expect(passed == .zero)
        #expect(task.wasCancelled && task.cancelling == 1)
    }

    @Test func aRequestStillToBeDeliveredReachesAForeignWaitInANewScope() async throws {
        let task = createTask {
            currentTask()?.cancel()
            try await withTimeout(.seconds(10)) { try await Task.sleep(for: .seconds(5)) }
        }
        let passed = try await time { #expect(await thrown { try await task.value } is CancellationError) }
        #expect(passed == .zero)
    }

    @Test func aTimeoutInsideACancelledForeignWaitLetsTheCancellationPass() async throws {
        let task = createTask {
            try await withTimeout(.seconds(10)) { try await Task.sleep(for: .seconds(5)) }
        }
        try await sleep(.seconds(1))
        task.cancel("outside")
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled)
    }

    // MARK: Cleanup

    @Test(arguments: Foreign.allCases)
    func cleanUpInANewScopeMayWaitForForeignCode(foreign: Foreign) async throws {
        var log: [String] = []
        let task = createTask {
            do { try await sleep(.seconds(10)) } catch {
                #expect(Task.isCancelled, "the cancellation of this carrier is permanent")
                let passed = try await time { try await withTimeout(.seconds(5)) { try await foreign.wait() } }
                log.append("\(passed)")
                throw error
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(log == ["1.0 seconds"])
    }

    @Test(arguments: Foreign.allCases)
    func shieldedCleanUpMayWaitForForeignCodeAfterAForeignWait(foreign: Foreign) async throws {
        var log: [String] = []
        let task = createTask {
            do { try await foreign.wait() } catch {
                _ = await thrown {
                    try await withCleanup(timeout: .seconds(5)) {
                        let passed = try await time { try await foreign.wait() }
                        log.append("\(passed)")
                    }
                }
                throw error
            }
        }
        try await sleep(.milliseconds(500))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(log == ["1.0 seconds"])
    }

    @Test func aRequestThatAForeignWaitNoticedStaysOpenUntilItIsDeliveredOrTakenBack() async throws {
        // It is not known whether the foreign wait noticed the cancellation. The next AsyncIO wait
        // therefore throws, unless the task withdraws the request.
        func run(takesBack: Bool) async throws -> String {
            let task = createTask {
                do { try await Task.sleep(for: .seconds(10)) } catch {
                    if takesBack { currentTask()?.uncancel() }
                }
                do { try await sleep(.seconds(1)) } catch { return "thrown again" }
                return "went on"
            }
            try await sleep(.seconds(1))
            task.cancel()
            return try await task.value
        }
        #expect(try await run(takesBack: false) == "thrown again")
        #expect(try await run(takesBack: true) == "went on")
    }

    @Test func aRequestThatAForeignWaitIgnoresIsDeliveredByOurNextWait() async throws {
        var log: [String] = []
        let task = createTask {
            await Task { try? await Task.sleep(for: .seconds(5)) }.value
            log.append("ignored")
            try await sleep(.seconds(5))
            log.append("not reached")
        }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(log == ["ignored"])
    }

    // MARK: Task-local values

    @Test func taskLocalValuesPassIntoEveryScope() async throws {
        try await TaskValue.$request.withValue("outer") {
            try await withTimeout(.seconds(1)) {
                #expect(TaskValue.request == "outer")
                try await TaskValue.$request.withValue("inner") {
                    try await withAsyncTaskGroup { group in
                        #expect(TaskValue.request == "inner")
                        try group.createTask { #expect(TaskValue.request == "inner") }
                        try await sleep(.zero)
                        #expect(TaskValue.request == "inner")
                    }
                }
                #expect(TaskValue.request == "outer")
            }
            let waited = try await waitFor(timeout: .seconds(1)) { TaskValue.request }
            let (gathered, _) = try await gather({ TaskValue.request }, {})
            let shielded = try await shield { TaskValue.request }
            let threaded = try await toThread { TaskValue.request }
            #expect([waited, gathered, shielded, threaded] == ["outer", "outer", "outer", "outer"])
        }
        #expect(TaskValue.request == "none")
    }

    // MARK: Turns

    @Test func scopesCostNoTurns() async throws {
        #expect(try await turns { try await withTimeout(.seconds(1)) {} } == 0)
        #expect(try await turns { try await withAsyncTaskGroup { _ in } } == 0)
        let nested = try await turns {
            try await withTimeout(.seconds(1)) {
                try await withAsyncTaskGroup { _ in
                    try await withTimeout(nil) { try await sleep(.zero) }
                }
            }
        }
        #expect(nested == 1)
    }
}
