import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Testing

/// Loops on threads of their own, in a program with Swift's own executors, where nothing is installed.
@Suite struct EventLoopThreadTests {
    private func lines(_ part: String, _ more: String...) async throws -> [String] {
        let outcome = try await Program.run("loop-thread-program", [part] + more)
        return outcome.lines
    }

    @Test func everythingWorksOnALoopOfItsOwn() async throws {
        let lines = try await lines("everything")
        #expect(lines.suffix(2) == ["threads left 0", "end"])
        #expect(lines.dropLast(2).allSatisfy { $0.hasSuffix(" true") })
        #expect(lines.count == 18)
    }

    @Test func whatIsBuiltFromThePrimitivesWorksOnALoopOfItsOwn() async throws {
        let lines = try await lines("conveniences")
        #expect(lines.suffix(2) == ["threads left 0", "end"])
        #expect(lines.dropLast(2).allSatisfy { $0.hasSuffix(" true") }, "\(lines)")
        #expect(lines.count == 25)
    }

    @Test func bodiesThatCallAnActorOfAnotherLoopContinueOnTheirOwn() async throws {
        let lines = try await lines("bodies")
        #expect(lines.suffix(2) == ["threads left 0", "end"])
        #expect(lines.dropLast(2).allSatisfy { $0.hasSuffix(" true") }, "\(lines)")
        #expect(lines.count == 25)
    }

    @Test func largeMessagesCauseNoPageFaultsOnceTheProgramHasItsMemory() async throws {
        #expect(try await lines("page-faults") == ["page faults per message few true", "end"])
    }

    @Test func theOrderIsThatOfAsyncio() async throws {
        #expect(try await lines("order") == ["main a1 b1 soon a2 b2 a3 end", "end"])
    }

    @Test func actorsAnswerAfterTheEndOfTheirLoop() async throws {
        #expect(
            try await lines("late") == [
                "call 1", "call 2", "wait: RuntimeError", "run: Event loop is closed",
                "callSoonThreadSafe: Event loop is closed", "submit: Event loop is closed", "end",
            ])
    }

    @Test func noCallIsLostWhileLoopsEnd() async throws {
        #expect(try await lines("ends", "30") == ["outcomes true", "threads left 0", "end"])
    }

    @Test func aLoopWhoseThreadIsReleasedReportsThatAndEnds() async throws {
        #expect(
            try await lines("dropped") == [
                "EventLoopThread \"io\" was released without shutDown(within:)", "threads left 0", "end",
            ])
    }

    @Test func tasksThatDoNotEndInTimeAreReportedAndTheirCallersContinue() async throws {
        #expect(
            try await lines("left") == ["shutDown: TimeoutError", "run: Event loop is closed", "reported 2", "end"])
    }

    @Test func threadsCanWaitForTheLoop() async throws {
        #expect(
            try await lines("blocking") == [
                "wait 42", "error: bad", "late: true",
                "EventLoopThread.wait() would wait forever on the thread of its own loop; use await run { }",
                "closed: Event loop is closed", "end",
            ])
    }

    @Test func severalLoopsRunTheirBodiesAndTheFirstErrorCancelsTheOthers() async throws {
        #expect(
            try await lines("many") == [
                "loop-0 4950", "loop-1 14950", "loop-2 24950", "loop-3 34950", "first error: bad", "cancelled: true",
                "count must be at least 1, got 0", "end",
            ])
    }

    @Test func everyLoopThatHandlesASignalReceivesIt() async throws {
        #expect(try await lines("signals") == ["first second", "second", "end"])
    }

    @Test func aMailboxLosesNothingAndKeepsTheOrderOfEachSender() async throws {
        #expect(
            try await lines("mailbox", "6000") == [
                "one receiver: lost 0, doubled 0", "order true", "many receivers: lost 0, doubled 0", "end",
            ])
    }

    @Test(arguments: [
        ("debug", "the object of Queue.get() belongs to loop \"first\" and was used on loop \"second\""),
        ("pool", "write `_ = self`"),
    ])
    func mistakesStopTheProgramWithASentence(part: String, sentence: String) async throws {
        let outcome = try await Program.run("loop-thread-program", [part])
        #expect(outcome.errors.contains(sentence))
    }
}

/// Loops on threads of their own, beside the loop of the process.
@Suite(.eventLoop, .serialized)
struct EventLoopThreadBesideTheMainLoopTests {
    /// Runs `body` with a loop on a thread of its own, which is shut down afterwards.
    private func withThread(_ body: (EventLoopThread) async throws -> Void) async throws {
        let io = try EventLoopThread(name: "io")
        do { try await body(io) } catch {
            try await io.shutDown()
            throw error
        }
        try await io.shutDown(within: .seconds(60))
    }

    @Test func mainActorCodeStaysOnItsLoop() async throws {
        try await withThread { io in
            let main = thisThread()
            let isRight = try await io.run { io in
                let mine = EventLoop.current === io.loop
                let other = await MainActor.run { thisThread() == main }
                return mine && other && EventLoop.current === io.loop
            }
            #expect(isRight)
            #expect(thisThread() == main)
        }
    }

    @Test func aForeignWaitReturnsToItsLoop() async throws {
        try await withThread { io in
            let isRight = try await io.run { io in
                try await Task.sleep(for: .milliseconds(1))
                await Task.yield()
                return EventLoop.current === io.loop
            }
            #expect(isRight)
        }
    }

    @Test func closuresThatTheLibraryRunsStayOnItsLoop() async throws {
        try await withThread { io in
            let places = try await io.run { io in
                let loop = io.loop
                var places: [Bool] = []
                places.append(try await ReadWriteLock().withWriteLock { EventLoop.current === loop })
                places.append(try await withLocks(Lock(), Lock()) { EventLoop.current === loop })
                places.append(try await Lazy { EventLoop.current === loop }.value)
                let cache = ExpiringCache<Int, Bool>(lifetime: .seconds(1))
                places.append(try await cache.value(for: 1) { EventLoop.current === loop })
                places.append(try await hedged(after: .seconds(1)) { EventLoop.current === loop })
                try await supervise("task") { places.append(EventLoop.current === loop) }
                let breaker = CircuitBreaker(failures: 1, recovery: .seconds(1))
                places.append(try await breaker.run { EventLoop.current === loop })
                let pool = ConnectionPool<Bool>(size: 1) {
                    EventLoop.current === loop
                } close: { _ in
                }
                places.append(try await pool.withConnection { $0 && EventLoop.current === loop })
                let throttle = Throttle(interval: .milliseconds(1)) {
                    places.append(EventLoop.current === loop)
                }
                throttle.call()
                try await throttle.flush()
                places.append(
                    try await withReconnection {
                        1
                    } body: { _ in
                        EventLoop.current === loop
                    })
                try await catching(ValueError.self) {
                    throw ValueError("caught")
                } handler: { _ in
                    places.append(EventLoop.current === loop)
                }
                return places
            }
            #expect(places == Array(repeating: true, count: 11))
        }
    }

    @Test func cancellingTheCallerCancelsTheBody() async throws {
        try await withThread { io in
            let started = Mailbox<Bool>()
            let caller = createTask {
                try await io.run { _ in
                    try started.putNoWait(true)
                    do {
                        try await sleep(.seconds(3_600))
                    } catch {
                        // Cleanup can wait.
                        try await sleep(.milliseconds(1))
                        throw error
                    }
                }
            }
            _ = try await started.get()
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
            #expect(caller.wasCancelled)
        }
    }

    @Test func taskLocalValuesReachTheBody() async throws {
        try await withThread { io in
            let value = try await RequestContext.$number.withValue(7) {
                try await io.run { _ in try await createTask { RequestContext.number }.value }
            }
            #expect(value == 7)
        }
    }

    @Test func theBodyIsATaskWithAName() async throws {
        try await withThread { io in
            let names = try await io.run(name: "fetch") { _ in
                [currentTask()?.name ?? "", allTasks().map(\.name).joined()]
            }
            #expect(names == ["fetch", "fetch"])
        }
    }

    @Test func theMainActorsLoopCannotRunThere() async throws {
        try await withThread { io in
            let error = await #expect(throws: RuntimeError.self) {
                try await io.run { _ in try runInVirtualTime {} }
            }
            #expect(error?.message.hasPrefix("the thread of EventLoopThread \"io\" cannot run a loop") == true)
            let future = io.loop.submit { 1 }
            await #expect(throws: RuntimeError.self) { try await future.value }
        }
    }

    @Test func onlyItsThreadRunsAndClosesTheLoop() async throws {
        try await withThread { io in
            #expect(throws: RuntimeError.self) { try io.loop.runForever() }
            #expect(throws: RuntimeError.self) { try io.loop.close() }
            await #expect(throws: RuntimeError.self) { try await io.run { io in try await io.shutDown() } }
        }
    }

    @Test func stoppingTheLoopEndsItsThread() async throws {
        let io = try EventLoopThread(name: "io")
        try io.loop.callSoonThreadSafe { EventLoop.current?.stop() }
        try await io.shutDown()
        #expect(io.isShutDown)
        await #expect(throws: RuntimeError.self) { try await io.run { _ in } }
    }

    @Test func aGlobalActorCanHaveALoop() async throws {
        let names = try await onNetwork()
        #expect(names == ["network", "network"])
        try await Network.shared.io.shutDown()
    }

    @Network private func onNetwork() async throws -> [String] {
        let name = EventLoop.current?.name ?? ""
        let task = createTask { EventLoop.current?.name ?? "" }
        return [name, try await task.value]
    }

    @Test func bothLoopsAreWatched() async throws {
        try await withThread { io in
            let reports = Mailbox<String>()
            let reported = ThreadGate()
            try await io.run { io in
                io.loop.setBlockedHandler { report in
                    try? reports.putNoWait("\(report.loop): \(report)")
                    reported.open()
                }
                io.loop.blockedThreshold = .milliseconds(1)
            }
            // Blocks its loop until that is reported, however long the watchdog takes.
            try await io.run(name: "slow") { _ in reported.wait() }
            let report = try await reports.get()
            #expect(report.hasPrefix("io: The event loop \"io\" has been blocked for "), "\(report)")
            #expect(report.contains(": Task \"slow\" is running"), "\(report)")
        }
    }
}

nonisolated private enum RequestContext {
    @TaskLocal static var number = 0
}

@globalActor private actor Network {
    static let shared = Network()
    nonisolated let io = EventLoopThread.make(name: "network")
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
}
