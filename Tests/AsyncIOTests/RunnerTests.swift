import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct RunnerTests {
    // MARK: Running

    @Test func runReturnsWhatItsBodyReturnsAndThrowsWhatItThrows() throws {
        try atTopLevel {
            let value = try AsyncIO.run { 42 }
            #expect(value == 42)
            #expect(throws: TestError("mine")) { try AsyncIO.run { throw TestError("mine") } }
            #expect(EventLoop.current == nil)
        }
    }

    @Test func insideARunningLoopRunIsRefusedAndTheBodyDoesNotRun() async throws {
        var hasRun = false
        let first = #expect(throws: RuntimeError.self) { try AsyncIO.run { hasRun = true } }
        #expect(first?.message == "run() cannot be called from a running event loop; await the function instead")
        let second = #expect(throws: RuntimeError.self) { try Runner().run { hasRun = true } }
        #expect(second?.message == "Runner.run() cannot be called from a running event loop")
        #expect(!hasRun)
    }

    @Test func aFutureCanBeTheMainThing() throws {
        try atTopLevel {
            let runner = Runner()
            let loop = try runner.loop
            let future = Future<Int>()
            try loop.callSoon { try future.setResult(7) }
            let value = try runner.run { try await future.value }
            #expect(value == 7)
            try runner.close()
        }
    }

    @Test func aTaskLocalValueBoundAroundARunIsSeenInIt() throws {
        try atTopLevel {
            let runner = Runner()
            try Local.$value.withValue("outer") {
                let seen = try runner.run {
                    [Local.value, try await createTask { Local.value }.value, await Task { Local.value }.value]
                }
                #expect(seen == ["outer", "outer", "outer"])
            }
            let seen = try runner.run { Local.value }
            #expect(seen == "default")
            try runner.close()
        }
    }

    @Test func debugIsHandedToTheLoop() throws {
        try atTopLevel {
            for (asked, expected) in [(nil, false), (true, true), (false, false)] as [(Bool?, Bool)] {
                let debug = try AsyncIO.run(debug: asked) { try EventLoop.running.debug }
                #expect(debug == expected)
            }
        }
    }

    @Test func theResultOfTheMainTaskIsNotTurnedIntoWords() throws {
        struct Silent: CustomStringConvertible {
            var description: String {
                Issue.record("the description was computed")
                return ""
            }
        }
        try atTopLevel { _ = try AsyncIO.run { Silent() } }
    }

    // MARK: The life of a runner

    @Test func aRunnersLoopIsMadeAtFirstUseAndServesAllRuns() throws {
        try atTopLevel {
            let runner = Runner()
            let loop = try runner.loop
            for _ in 0..<2 {
                let current = try runner.run { try EventLoop.running }
                #expect(current === loop)
            }
            #expect(!loop.isClosed)
            try runner.close()
            #expect(loop.isClosed)
        }
    }

    @Test func aRunnerThatWasNeverUsedClosesWithoutALoop() throws {
        try atTopLevel {
            let runner = Runner()
            try runner.close()
            try runner.close()
            let error = #expect(throws: RuntimeError.self) { try runner.run {} }
            #expect(error?.message == "Runner is closed")
        }
    }

    @Test func aClosedRunnerRunsNothing() throws {
        try atTopLevel {
            let runner = Runner()
            try runner.run {}
            try runner.close()
            try runner.close()
            #expect(throws: RuntimeError.self) { try runner.run {} }
            #expect(throws: RuntimeError.self) { try runner.loop }
        }
    }

    @Test func tasksLiveOnBetweenTheRunsOfARunner() throws {
        try atTopLevel {
            let runner = Runner()
            let queue = Queue<Int>()
            try runner.run { _ = createTask { for number in 0..<3 { try await queue.put(number) } } }
            let received = try runner.run { [try await queue.get(), try await queue.get(), try await queue.get()] }
            #expect(received == [0, 1, 2])
            try runner.close()
        }
    }

    // MARK: Cleaning up

    @Test func whatIsLeftEndsInOrderTasksThenGeneratorsThenThreads() throws {
        try atTopLevel {
            let log = Log()
            var kept: AsyncGenerator<Int>.Iterator?
            try AsyncIO.run {
                createTask {
                    defer { log("task ends") }
                    try await sleep(.seconds(3600))
                }
                let generator = AsyncGenerator<Int> { yield in
                    defer { log("generator ends") }
                    try await yield(1)
                }
                kept = generator.makeAsyncIterator()
                _ = try await kept?.next()
                let loop = try EventLoop.running
                _ = try loop.runInExecutor {
                    block(.milliseconds(50))
                    _ = try? loop.callSoonThreadSafe { onLoop { log("thread ends") } }
                }
                try await sleep(.zero)
                log("main returns")
            }
            #expect(log.lines == ["main returns", "task ends", "generator ends", "thread ends"])
            #expect(kept != nil)
        }
    }

    /// The numbers are CPython's.
    @Test(arguments: [true, false])
    func cleaningUpTakesAsManyTurnsAsInAsyncio(hasTask: Bool) throws {
        try atTopLevel {
            let log = Log()
            var kept: AsyncGenerator<Int>.Iterator?
            let runner = Runner()
            let loop = try runner.loop
            try runner.run {
                if hasTask {
                    createTask {
                        defer { log("task \(loop.turns)") }
                        try await sleep(.seconds(100))
                    }
                }
                let generator = AsyncGenerator<Int> { yield in
                    do { try await yield(1) } catch {
                        log("generator \(loop.turns)")
                        try? await sleep(.zero)
                        log("generator \(loop.turns)")
                    }
                }
                kept = generator.makeAsyncIterator()
                _ = try await kept?.next()
                try await sleep(.zero)
                log("main \(loop.turns)")
            }
            try runner.close()
            log("end \(loop.turns)")
            #expect(
                log.lines
                    == (hasTask
                        ? ["main 2", "task 4", "generator 8", "generator 9", "end 14"]
                        : ["main 2", "generator 5", "generator 6", "end 11"]))
            #expect(kept != nil)
        }
    }

    @Test func aGeneratorThatItsConsumerForgotCleansUpToo() throws {
        for hasTask in [true, false] {
            try atTopLevel {
                let log = Log()
                try AsyncIO.run {
                    if hasTask { createTask { try await sleep(.seconds(100)) } }
                    let generator = AsyncGenerator<Int> { yield in
                        do { try await yield(1) } catch {
                            try? await sleep(.zero)
                            log("clean")
                        }
                    }
                    for try await _ in generator { break }
                }
                #expect(log.lines == ["clean"])
            }
        }
    }

    @Test func anErrorInAGeneratorsCleanUpGoesToTheHandler() throws {
        try atTopLevel {
            let log = Log()
            var kept: AsyncGenerator<Int>.Iterator?
            try AsyncIO.run {
                try EventLoop.running.setExceptionHandler { log("\($0.message): \($0.error ?? TestError())") }
                let generator = AsyncGenerator<Int> { yield in
                    do { try await yield(1) } catch { throw TestError("unclean") }
                }
                kept = generator.makeAsyncIterator()
                _ = try await kept?.next()
            }
            #expect(
                log.lines == [
                    "an error occurred during closing of an asynchronous generator: TestError(name: \"unclean\")"
                ])
            #expect(kept != nil)
        }
    }

    @Test func leftoverTasksAreCancelledOnceAndAwaited() throws {
        try runInVirtualTime {}
        try atTopLevel {
            let log = Log()
            let runner = Runner()
            try runner.run {
                createTask(name: "stubborn") {
                    do { try await sleep(.seconds(3600)) } catch {
                        log("cancelled, cancelling \(currentTask()?.cancelling ?? -1)")
                    }
                    try await sleep(.milliseconds(1))
                    try await sleep(.milliseconds(1))
                    log("went on to its end")
                }
                try await sleep(.zero)
            }
            try runner.close()
            #expect(log.lines == ["cancelled, cancelling 1", "went on to its end"])
        }
    }

    @Test func aTaskMadeWhileCleaningUpIsNotCancelledButNamed() throws {
        try atTopLevel {
            let log = Log()
            try AsyncIO.run {
                try EventLoop.running.setExceptionHandler { log("\($0.message) \($0.subject ?? "")") }
                createTask(name: "parent") {
                    do { try await sleep(.seconds(3600)) } catch {
                        createTask(name: "child") {
                            do { try await sleep(.seconds(3600)) } catch { log("cancelled") }
                        }
                    }
                }
                try await sleep(.zero)
            }
            #expect(log.lines == ["Task was destroyed but it is pending! Task \"child\" (pending)"])
        }
    }

    @Test func aLeftoverTaskThatFailsIsReported() throws {
        try atTopLevel {
            let log = Log()
            try AsyncIO.run {
                try EventLoop.running.setExceptionHandler {
                    log("\($0.message): \($0.error ?? TestError()), \($0.subject?.hasPrefix("Task \"bad\"") == true)")
                }
                createTask(name: "bad") {
                    do { try await sleep(.seconds(3600)) } catch { throw TestError("while it ended") }
                }
                try await sleep(.zero)
            }
            #expect(
                log.lines == [
                    "unhandled exception during asyncio.run() shutdown: TestError(name: \"while it ended\"), true"
                ])
        }
    }

    @Test func theLoopIsClosedWhateverComes() {
        atTopLevel {
            var loop: EventLoop?
            #expect(throws: TestError.self) {
                try AsyncIO.run {
                    loop = EventLoop.current
                    throw TestError()
                }
            }
            #expect(loop?.isClosed == true)
        }
    }

    @Test @concurrent func aThreadThatDoesNotEndIsLeftBehindWithAWarning() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try withLoop { loop in
                try loop.runUntilComplete {
                    _ = try loop.runInExecutor { block(.milliseconds(500)) }
                    try await loop.shutdownDefaultExecutor(timeout: .milliseconds(10))
                }
            }
        }
        #expect(
            result?.standardError.contains("The executor did not finish joining its threads within 0.01 seconds")
                == true)
    }

    // MARK: KeyboardInterrupt

    @Test func aKeyboardInterruptInAnyTaskCancelsMainAndIsThrownByRun() {
        atTopLevel {
            let log = Log()
            #expect(throws: KeyboardInterrupt.self) {
                try AsyncIO.run {
                    let bad = createTask { throw KeyboardInterrupt() }
                    do {
                        // Even code that awaits it sees that the program ends.
                        try await bad.value
                    } catch {
                        log("main sees \(error)")
                        throw error
                    }
                }
            }
            #expect(log.lines == ["main sees CancellationError()"])
        }
    }

    @Test func aKeyboardInterruptWhileCleaningUpCutsItShortButTheLoopIsClosed() throws {
        try atTopLevel {
            let log = Log()
            let runner = Runner()
            let loop = try runner.loop
            loop.setExceptionHandler { log("\($0.message) \($0.subject ?? "")") }
            try runner.run {
                createTask(name: "bad") {
                    do { try await sleep(.seconds(3600)) } catch { throw KeyboardInterrupt() }
                }
                createTask(name: "other") {
                    defer { log("cleaned up") }
                    try await sleep(.seconds(3600))
                }
                try await sleep(.zero)
            }
            #expect(throws: KeyboardInterrupt.self) { try runner.close() }
            #expect(loop.isClosed)
            #expect(log.lines == ["Task was destroyed but it is pending! Task \"other\" (pending)"])
        }
    }
}

nonisolated enum Local { @TaskLocal static var value = "default" }
