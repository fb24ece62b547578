import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Signals that this process sends to itself. For Ctrl-C, see InterruptTests.
@Suite(.eventLoop, .serialized) struct SignalTests {
    private func send(_ signal: ProcessSignal) { kill(getpid(), signal.rawValue) }

    private func action(of signal: ProcessSignal) -> sighandler_t? {
        var current = sigaction()
        sigaction(signal.rawValue, nil, &current)
        return current.__sigaction_handler.sa_handler
    }

    private func isDefault(_ signal: ProcessSignal) -> Bool { unsafeBitCast(action(of: signal), to: Int.self) == 0 }

    @Test func aHandlerRunsOnceForEachSignal() async throws {
        let loop = try EventLoop.running
        let calls = Queue<Int>()
        var count = 0
        try loop.addSignalHandler(.user1) {
            count += 1
            try calls.putNoWait(count)
        }
        send(.user1)
        #expect(try await calls.get() == 1)
        send(.user1)
        #expect(try await calls.get() == 2)
        #expect(try loop.removeSignalHandler(.user1))
    }

    @Test func aSignalWakesALoopThatSleeps() async throws {
        let loop = try EventLoop.running
        let came = Event()
        try loop.addSignalHandler(.user1) { came.set() }
        let process = getpid()
        onForeignThread {
            block(.milliseconds(20))
            kill(process, SIGUSR1)
        }
        try await withTimeout(.seconds(20)) { try await came.wait() }
        #expect(try loop.removeSignalHandler(.user1))
    }

    @Test func aHandlerIsACallbackAndRunsInATurnAfterTheOneThatNoticedTheSignal() throws {
        try withLoop { loop in
            let log = Log()
            try loop.addSignalHandler(.user1) {
                log("handler")
                loop.stop()
            }
            kill(getpid(), SIGUSR1)
            try loop.callSoon {
                log("turn that notices")
                try loop.callSoon { log("next turn") }
            }
            try loop.runForever()
            #expect(log.lines == ["turn that notices", "next turn", "handler"])
        }
    }

    @Test func anErrorInAHandlerGoesToTheExceptionHandler() throws {
        try withLoop { loop in
            var errors: [String] = []
            loop.setExceptionHandler {
                errors.append("\($0.message): \($0.error ?? TestError())")
                loop.stop()
            }
            try loop.addSignalHandler(.user1) { throw ValueError("no") }
            kill(getpid(), SIGUSR1)
            try loop.runForever()
            #expect(errors == ["Exception in callback: no"])
        }
    }

    @Test func aNewHandlerReplacesTheOldOne() throws {
        try withLoop { loop in
            let log = Log()
            try loop.addSignalHandler(.user1) { log("old") }
            try loop.addSignalHandler(.user1) {
                log("new")
                loop.stop()
            }
            kill(getpid(), SIGUSR1)
            try loop.runForever()
            #expect(log.lines == ["new"])
        }
    }

    @Test func removingSaysWhetherThereWasAHandlerAndRestoresTheDefault() async throws {
        let loop = try EventLoop.running
        #expect(try loop.removeSignalHandler(.user2) == false)
        try loop.addSignalHandler(.user2) {}
        #expect(!isDefault(.user2))
        #expect(try loop.removeSignalHandler(.user2))
        #expect(isDefault(.user2))
        #expect(try loop.removeSignalHandler(.user2) == false)
    }

    @Test func aHandlerThatWasRemovedDoesNotRunThoughItsSignalHasCome() async throws {
        let loop = try EventLoop.running
        var calls = 0
        try loop.addSignalHandler(.user1) { calls += 1 }
        send(.user1)
        try loop.removeSignalHandler(.user1)
        for _ in 0..<5 { try await sleep(.zero) }
        #expect(calls == 0)
    }

    @Test func closingTheLoopRemovesAllHandlers() throws {
        try withLoop { loop in
            try loop.addSignalHandler(.user1) {}
            try loop.addSignalHandler(.user2) {}
            try loop.close()
            #expect(isDefault(.user1) && isDefault(.user2))
            #expect(throws: RuntimeError.self) { try loop.addSignalHandler(.user1) {} }
        }
    }

    @Test func whatIsNoSignalOrCannotBeCaughtIsRefused() async throws {
        let loop = try EventLoop.running
        for number: Int32 in [-1, 0, 32, 33, 65, 1_000] {
            #expect(throws: ValueError.self) { try loop.addSignalHandler(ProcessSignal(rawValue: number)) {} }
            #expect(throws: ValueError.self) { try loop.removeSignalHandler(ProcessSignal(rawValue: number)) }
            #expect(throws: ValueError.self) { try signals(ProcessSignal(rawValue: number)) }
        }
        for signal: ProcessSignal in [.kill, .stop] {
            let error = #expect(throws: RuntimeError.self) { try loop.addSignalHandler(signal) {} }
            #expect(error?.message == "\(signal) cannot be caught")
            #expect(try loop.removeSignalHandler(signal) == false)
        }
        // The signals before the refused one are given back.
        #expect(throws: RuntimeError.self) { try signals(.user2, .kill) }
        #expect(isDefault(.user2))
    }

    @Test func onAnotherThreadHandlersAreRefused() async throws {
        let outcome = try await Program.run("top-level-program", ["signals elsewhere"])
        #expect(
            outcome.lines == [
                "addSignalHandler(): signals can be handled only on the process's first thread and on an EventLoopThread",
                "signals(): signals can be handled only on the process's first thread and on an EventLoopThread", "end",
            ])
    }

    @Test func handlersAreInstalledSoThatSystemCallsGoOn() async throws {
        let loop = try EventLoop.running
        try loop.addSignalHandler(.user1) {}
        defer { _ = try? loop.removeSignalHandler(.user1) }
        var current = sigaction()
        sigaction(SIGUSR1, nil, &current)
        #expect(current.sa_flags & SA_RESTART != 0)
    }

    @Test func realTimeSignalsAreSignalsToo() async throws {
        let loop = try EventLoop.running
        let signal = ProcessSignal(rawValue: 40)
        let came = Event()
        try loop.addSignalHandler(signal) { came.set() }
        send(signal)
        try await came.wait()
        try loop.removeSignalHandler(signal)
        #expect("\(signal) \(ProcessSignal.terminate)" == "signal 40 SIGTERM")
    }

    // MARK: As a sequence

    @Test func nextWaitsForASingleSignal() async throws {
        let sequence = try signals(.user1, .user2)
        let waiting = createTask { try await sequence.next() }
        try await sleep(.zero)
        send(.user2)
        #expect(try await waiting.value == .user2)
        let cancelled = createTask { try await sequence.next() }
        try await sleep(.zero)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        send(.user1)
        #expect(try await sequence.next() == .user1)
    }

    @Test func aSequenceGivesItsSignalsAsTheyCome() async throws {
        let sequence = try signals(.user1, .user2)
        var got: [ProcessSignal] = []
        send(.user1)
        for try await signal in sequence {
            got.append(signal)
            if got.count == 3 { break }
            send(signal == .user1 ? .user2 : .user1)
        }
        #expect(got == [.user1, .user2, .user1])
    }

    @Test func signalsThatCameBeforeTheyAreAskedForAreNotLost() async throws {
        let sequence = try signals(.user2, .user1)
        send(.user2)
        for _ in 0..<5 { try await sleep(.zero) }
        send(.user1)
        send(.user1)
        for _ in 0..<5 { try await sleep(.zero) }
        var got: [ProcessSignal] = []
        for try await signal in sequence.prefix(2) { got.append(signal) }
        #expect(got == [.user2, .user1])
    }

    @Test func sequencesAndAHandlerAllLearnOfASignal() async throws {
        let loop = try EventLoop.running
        let log = Log()
        try loop.addSignalHandler(.user1) { log("handler") }
        let tasks = try (1...2).map { number in
            let sequence = try signals(.user1)
            return createTask {
                for try await _ in sequence {
                    log("sequence \(number)")
                    break
                }
            }
        }
        send(.user1)
        _ = try await gather(tasks)
        try loop.removeSignalHandler(.user1)
        #expect(log.lines.sorted() == ["handler", "sequence 1", "sequence 2"])
    }

    @Test func aTaskThatIsCancelledWhileItWaitsLosesNoSignal() async throws {
        let sequence = try signals(.user1)
        let first = createTask { for try await _ in sequence { return } }
        try await sleep(.zero)
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        send(.user1)
        for try await signal in sequence.prefix(1) { #expect(signal == .user1) }
    }

    @Test func theSignalHasItsDefaultAgainWhenTheSequenceIsGone() async throws {
        do {
            let sequence = try signals(.user2)
            #expect(!isDefault(.user2))
            _ = sequence
        }
        #expect(isDefault(.user2))
    }

    // MARK: Ctrl-C

    @Test func aHandlerForCtrlCTakesThePlaceOfWhatRunDoes() async throws {
        let outcome = try await Program.run("top-level-program", ["handles interrupts"], interrupts: 3)
        #expect(
            outcome.lines == [
                "ready", "handler 1", "ready again", "handler 2", "removed", "ready to end", "threw KeyboardInterrupt",
            ])
    }

    @Test func aSequenceWithCtrlCTakesThePlaceOfWhatRunDoes() async throws {
        let outcome = try await Program.run("top-level-program", ["awaits interrupts"], interrupts: 2)
        #expect(outcome.lines == ["ready", "SIGINT", "ready again", "SIGINT", "end"])
    }
}

@Suite(.virtualTime, .serialized) struct SignalsInVirtualTimeTests {
    @Test func aSignalThatHasArrivedIsDeliveredBeforeTimeJumpsOrADeadlockIsReported() async throws {
        // No other test uses this signal.
        let signal = ProcessSignal(rawValue: 45)
        let loop = try EventLoop.running
        var received = 0
        let receiver = createTask { for try await _ in try signals(signal).prefix(2) { received += 1 } }
        try await sleep(.seconds(1))
        kill(getpid(), signal.rawValue)
        let start = loop.now
        let timer = try loop.callLater(.seconds(3_600)) {}
        while received == 0 { try await sleep(.zero) }
        #expect(loop.now == start)
        timer.cancel()
        kill(getpid(), signal.rawValue)
        try await receiver.value
    }
}
