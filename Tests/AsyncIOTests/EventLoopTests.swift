import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

@Suite struct EventLoopTests {
    // MARK: Callbacks

    @Test func callbacksRunOnceAndInTheOrderTheyWereScheduledIn() throws {
        try withLoop { loop in
            var log: [Int] = []
            for number in 0..<5 { try loop.callSoon { log.append(number) } }
            loop.stop()
            try loop.runForever()
            loop.stop()
            try loop.runForever()
            #expect(log == [0, 1, 2, 3, 4])
        }
    }

    @Test func callbacksScheduledByACallbackRunInTheNextTurn() throws {
        try withLoop { loop in
            var turns: [UInt64] = []
            try loop.callSoon {
                turns.append(loop.turns)
                try loop.callSoon {
                    turns.append(loop.turns)
                    loop.stop()
                }
            }
            try loop.callSoon { turns.append(loop.turns) }
            try loop.runForever()
            #expect(turns == [1, 1, 2])
        }
    }

    @Test func descriptorsAreLookedAtBetweenTwoTurnsOfCallbacks() throws {
        let pipe = try Pipe()
        try withLoop { loop in
            let log = Log()
            try loop.addReader(pipe.reader) {
                log("reader in turn \(loop.turns)")
                loop.stop()
            }
            try loop.callSoon {
                pipe.send()
                try loop.callSoon { log("callback in turn \(loop.turns)") }
            }
            try loop.runForever()
            #expect(log.lines == ["callback in turn 2", "reader in turn 2"])
        }
    }

    @Test func aBusyQueueDoesNotStarveDescriptors() throws {
        let pipe = try Pipe()
        try withLoop { loop in
            var rounds = 0
            func spin() throws {
                rounds += 1
                if rounds < 1_000 { try loop.callSoon(spin) } else { loop.stop() }
            }
            var isReadAfter = 0
            try loop.addReader(pipe.reader) {
                isReadAfter = rounds
                loop.stop()
            }
            try loop.callSoon(spin)
            pipe.send()
            try loop.runForever()
            #expect(isReadAfter < 3)
        }
    }

    // MARK: Stopping

    @Test func stopLetsTheTurnEndAndKeepsWhatItScheduled() throws {
        try withLoop { loop in
            let log = Log()
            try loop.callSoon {
                loop.stop()
                try loop.callSoon { log("next run") }
            }
            try loop.callSoon { log("same turn") }
            try loop.runForever()
            #expect(log.lines == ["same turn"])
            loop.stop()
            try loop.runForever()
            #expect(log.lines == ["same turn", "next run"])
        }
    }

    @Test func aLoopStoppedBeforeItRunsMakesOneTurnWithoutWaiting() throws {
        try withLoop { loop in
            try loop.callLater(.seconds(3600)) { Issue.record("an hour has passed") }
            loop.stop()
            try loop.runForever()
            #expect(loop.turns == 1)
            #expect(!loop.isRunning)
        }
    }

    @Test func aLoopCanBeDrivenTurnByTurn() throws {
        try withLoop { loop in
            var steps = 0
            func step() throws {
                steps += 1
                try loop.callSoon(step)
            }
            try loop.callSoon(step)
            for expected in 1...3 {
                loop.stop()
                try loop.runForever()
                #expect(steps == expected)
            }
        }
    }

    @Test func runUntilCompleteSaysSoIfTheLoopIsStoppedFirst() throws {
        try withLoop { loop in
            try loop.callSoon { loop.stop() }
            let error = #expect(throws: RuntimeError.self) {
                try loop.runUntilComplete { try await sleep(.seconds(3600)) }
            }
            #expect(error?.message == "Event loop stopped before Future completed.")
        }
    }

    @Test func runUntilCompleteReturnsTheValueOrThrowsTheError() throws {
        try withLoop { loop in
            let value = try loop.runUntilComplete { 42 }
            #expect(value == 42)
            #expect(throws: TestError("mine")) { try loop.runUntilComplete { throw TestError("mine") } }
            #expect(!loop.isRunning)
        }
    }

    @Test func runUntilCompleteTakesAFutureThatEndedAlready() throws {
        try withLoop { loop in
            let future = Future<Int>()
            try future.setResult(1)
            #expect(try loop.runUntilComplete(future) == 1)
        }
    }

    @Test func whatWasQueuedWithTheEndOfTheMainTaskStillRunsAndTheRestWaits() throws {
        try withLoop { loop in
            let log = Log()
            // The end of the body queues the callback that stops the loop.
            try loop.runUntilComplete {
                _ = try loop.callSoon {
                    log("queued before it")
                    try loop.callSoon { log("a turn later") }
                }
            }
            #expect(log.lines == ["queued before it"])
            loop.stop()
            try loop.runForever()
            #expect(log.lines == ["queued before it", "a turn later"])
        }
    }

    // MARK: One loop at a time

    @Test func aRunningLoopCannotBeRunAgain() throws {
        try withLoop { loop in
            var messages: [String?] = []
            try loop.callSoon {
                messages.append(#expect(throws: RuntimeError.self) { try loop.runForever() }?.message)
                messages.append(#expect(throws: RuntimeError.self) { try loop.runUntilComplete {} }?.message)
                loop.stop()
            }
            try loop.runForever()
            #expect(messages == Array(repeating: "This event loop is already running", count: 2))
        }
    }

    @Test func aSecondLoopCannotRunInsideARunningOne() throws {
        try withLoop { loop in
            var message: String?
            try loop.callSoon {
                let other = try EventLoop()
                message = #expect(throws: RuntimeError.self) { try other.runForever() }?.message
                try other.close()
                loop.stop()
            }
            try loop.runForever()
            #expect(message == "Cannot run the event loop while another loop is running")
        }
    }

    @Test func aSecondLoopCannotRunOnAnotherThread() async throws {
        let message = await withCheckedContinuation { continuation in
            onForeignThread {
                var message = "it ran"
                do {
                    let loop = try EventLoop()
                    defer { try? loop.close() }
                    loop.stop()
                    try loop.runForever()
                } catch {
                    message = "\(error)"
                }
                continuation.resume(returning: message)
            }
        }
        #expect(message.hasPrefix("another thread is running the event loop of the process"))
        #expect(message.contains("EventLoopThread"))
    }

    @Test func theLoopIsCurrentOnlyWhileItRuns() throws {
        try withLoop { loop in
            #expect(EventLoop.current == nil)
            #expect(throws: RuntimeError.self) { try EventLoop.running }
            try loop.runUntilComplete {
                #expect(EventLoop.current === loop)
                let running = try EventLoop.running
                #expect(running === loop)
                #expect(loop.isRunning)
            }
            #expect(EventLoop.current == nil)
        }
    }

    // MARK: Closing

    @Test func aRunningLoopCannotBeClosed() throws {
        try withLoop { loop in
            try loop.callSoon {
                let error = #expect(throws: RuntimeError.self) { try loop.close() }
                #expect(error?.message == "Cannot close a running event loop")
                loop.stop()
            }
            try loop.runForever()
        }
    }

    @Test func aClosedLoopTakesNothingMore() throws {
        try withLoop { loop in
            try loop.close()
            try loop.close()
            #expect(loop.isClosed)
            func expectClosed(_ body: () throws -> Void) {
                let error = #expect(throws: RuntimeError.self) { try body() }
                #expect(error?.message == "Event loop is closed")
            }
            expectClosed { try loop.callSoon {} }
            expectClosed { try loop.callLater(.seconds(1)) {} }
            expectClosed { try loop.callAt(loop.now) {} }
            expectClosed { try loop.callSoonThreadSafe {} }
            expectClosed { try loop.runForever() }
            expectClosed { try loop.runUntilComplete {} }
            expectClosed { _ = try loop.runInExecutor {} }
            expectClosed { try loop.submit {}.wait() }
        }
    }

    @Test func closingLetsGoOfWhatWasQueued() throws {
        try withLoop { loop in
            weak var soon: Witness?
            weak var later: Witness?
            weak var fromAnotherThread: Witness?
            do {
                let (first, second) = (Witness(), Witness())
                (soon, later) = (first, second)
                try loop.callSoon { _ = first }
                try loop.callLater(.seconds(1)) { _ = second }
                let third = Witness()
                fromAnotherThread = third
                try loop.callSoonThreadSafe { _ = third }
            }
            #expect(soon != nil && later != nil && fromAnotherThread != nil)
            try loop.close()
            #expect(soon == nil && later == nil && fromAnotherThread == nil)
        }
    }

    @Test @concurrent func aLoopThatIsForgottenIsReportedAndItsDescriptorsAreClosed() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            func countDescriptors() -> Int { (0..<256).count { fcntl($0, F_GETFD) >= 0 } }
            let before = countDescriptors()
            try atTopLevel {
                let loop = try EventLoop()
                try loop.callSoon {}
            }
            exit(countDescriptors() == before ? 0 : 1)
        }
        #expect(result?.standardError.contains("unclosed event loop") == true)
    }

    @Test func aChildProcessInheritsNoDescriptorOfTheLoop() throws {
        try withLoop { loop in
            // The open descriptors include the loop's poller and its wake-up.
            for descriptor in Int32(3)..<256 where fcntl(descriptor, F_GETFD) >= 0 {
                guard let target = link(ofDescriptor: descriptor), target.hasPrefix("anon_inode:") else { continue }
                #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "\(target)")
            }
        }
    }

    private func link(ofDescriptor descriptor: Int32) -> String? {
        var bytes = [CChar](repeating: 0, count: 256)
        let count = readlink("/proc/self/fd/\(descriptor)", &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Debug

    @Test func debugIsOffUnlessAskedFor() throws {
        try atTopLevel {
            for (asked, expected) in [(nil, false), (true, true), (false, false)] as [(Bool?, Bool)] {
                let loop = try EventLoop(debug: asked)
                #expect(loop.debug == expected)
                loop.debug.toggle()
                #expect(loop.debug == !expected)
                try loop.close()
            }
        }
    }

    @Test(arguments: [("1", "debug true"), ("", "debug false")])
    func theEnvironmentTurnsDebugOn(_ value: String, _ expected: String) async throws {
        let program = try await Program.run("top-level-program", ["debug"], environment: ["ASYNCIO_DEBUG": value])
        #expect(program.lines == [expected, "end"])
    }
}
