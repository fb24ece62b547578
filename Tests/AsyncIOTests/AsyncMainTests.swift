import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Programs in which the loop runs an `async` main (AsyncIOMain): `Tests/Programs/FirstCall`.
@Suite(.eventLoop) struct AsyncMainTests {
    private func run(_ name: String, interrupts: Int = 0) async throws -> Program.Outcome {
        try await Program.run("first-call-program", [name], interrupts: interrupts)
    }

    @Test func everyEntryPointMayBeTheFirstCall() async throws {
        let names = try await Program.run("first-call-program").lines
        try #require(names.count > 50)
        for name in names {
            let outcome = try await run(name)
            #expect(outcome.lines.last == "on the loop", "\(name): \(outcome)")
            #expect(outcome.status == 0, "\(name)")
        }
    }

    @Test func topLevelCodeMayAwait() async throws {
        let outcome = try await Program.run("top-level-await-program")
        #expect(outcome.lines == ["42", "(1, 2)"])
        #expect(outcome.status == 0)
        let failed = try await Program.run("top-level-await-program", ["fail"])
        #expect(failed.errors == "error: ValueError: top level\n")
        #expect(failed.status == 1)
    }

    // MARK: Ending

    @Test func anErrorThatLeavesMainIsOneLineAndStatusOne() async throws {
        let atOnce = try await run("throws at once")
        #expect(atOnce.errors == "error: Complaint\n")
        #expect(atOnce.status == 1)
        let later = try await run("throws later")
        #expect(later.errors == "error: ValueError: no such thing\n")
        #expect(later.status == 1)
    }

    @Test func whatElseRunsIsCleanedUpFirst() async throws {
        let outcome = try await run("throws beside a task")
        #expect(outcome.lines == ["cleaned up"])
        #expect(outcome.errors == "error: Complaint\n")
    }

    @Test func aSystemExitSetsTheStatus() async throws {
        let outcome = try await run("exits")
        #expect(outcome.errors == "")
        #expect(outcome.status == 7)
    }

    @Test(arguments: ["waits", "waits elsewhere", "AsyncIO.main waits"])
    func ctrlCCancelsMainCleansUpAndEndsTheProcessBySIGINT(_ name: String) async throws {
        let outcome = try await run(name, interrupts: 1)
        #expect(outcome.lines == ["ready", "cancelled", "the other has cleaned up"])
        #expect(outcome.errors == "")
        #expect(outcome.status == -SIGINT)
    }

    @Test func ctrlCEndsAMainThatHasNotUsedTheLibraryYet() async throws {
        let outcome = try await run("waits without the library", interrupts: 1)
        #expect(outcome.lines == ["ready"])
        #expect(outcome.status == -SIGINT)
    }

    @Test func aMainThatSwallowsItsCancellationGoesOn() async throws {
        let outcome = try await run("swallows", interrupts: 1)
        #expect(outcome.lines == ["ready", "goes on", "on the loop"])
        #expect(outcome.status == 0)
    }

    @Test func theSecondCtrlCEndsTheProcessAtOnce() async throws {
        let outcome = try await run("is impatient", interrupts: 2)
        #expect(outcome.lines == ["ready", "ready again"])
        #expect(outcome.status == -SIGINT)
    }

    @Test func aCallbacksKeyboardInterruptEndsTheProgram() async throws {
        let outcome = try await run("a callback interrupts")
        #expect(outcome.errors == "")
        #expect(outcome.status == -SIGINT)
    }

    @Test func asyncIOMainInsideOfItCleansUpWhenItsBodyReturns() async throws {
        let outcome = try await run("AsyncIO.main cleans up")
        #expect(outcome.lines == ["cleaned up", "on the loop"])
        let failed = try await run("AsyncIO.main fails")
        #expect(failed.errors == "error: Complaint\n")
        #expect(failed.status == 1)
        let elsewhere = try await run("AsyncIO.main elsewhere")
        #expect(
            elsewhere.errors.hasPrefix(
                "error: ValueError: backend must be epoll, which the loop of this async main already uses"))
        #expect(elsewhere.status == 1)
    }
}

/// `AsyncIO.main { }`, and uncaught errors of `AsyncIO.run { }`: `Tests/Programs/Ending`.
@Suite(.eventLoop) struct ProgramEndTests {
    private func run(_ name: String, interrupts: Int = 0) async throws -> Program.Outcome {
        try await Program.run("ending-program", [name], interrupts: interrupts)
    }

    @Test func mainReturnsWhatItsBodyReturns() async throws {
        let outcome = try await run("value")
        #expect(outcome.lines == ["7 true"])
        #expect(outcome.status == 0)
    }

    @Test(arguments: [
        ("plain", "error: Plain"), ("fields", #"error: WithFields(name: "x")"#), ("case", "error: Kind: missing"),
        ("silent", "error: Silent"), ("lines", #"error: Lines: first second third\u{1B}[31m"#),
        ("cancelled", "error: CancellationError"),
        ("no such file", "error: OSError: opening /no/such/file: No such file or directory (errno 2)"),
        ("run", "error: ValueError: from run"), ("run, passed on", "error: ValueError: from run"),
    ])
    func anErrorIsOneLineWithItsTypeAndStatusOne(_ name: String, line: String) async throws {
        let outcome = try await run(name)
        #expect(outcome.errors == line + "\n")
        #expect(outcome.status == 1)
    }

    @Test func whatWasPrintedAndCleanedUpComesFirst() async throws {
        #expect(try await run("output first").lines == ["printed"])
        let outcome = try await run("cleans up")
        #expect(outcome.lines == ["cleaned up"])
        #expect(outcome.errors == "error: Plain\n")
    }

    @Test func aSystemExitSetsTheStatusAndMayPrintAMessage() async throws {
        let silent = try await run("exit")
        #expect(silent.errors == "")
        #expect(silent.status == 7)
        let spoken = try await run("exit with message")
        #expect(spoken.errors == "that's all\n")
        #expect(spoken.status == 1)
    }

    @Test(arguments: ["interrupt", "run interrupt"])
    func ctrlCEndsTheProcessBySIGINTOnceAllIsCleanedUp(_ name: String) async throws {
        let outcome = try await run(name, interrupts: 1)
        #expect(outcome.lines == ["ready", "cancelled", "the other has cleaned up"])
        #expect(outcome.errors == "")
        #expect(outcome.status == -SIGINT)
    }

    @Test func aBodyThatSwallowsItsCancellationReturns() async throws {
        #expect(try await run("swallowed", interrupts: 1).lines == ["ready", "end"])
    }

    @Test func insideOfARunningLoopMainSaysSo() async throws {
        let outcome = try await run("inside")
        #expect(outcome.errors.hasPrefix("error: RuntimeError: AsyncIO.main { } cannot be called from a running"))
        #expect(outcome.status == 1)
    }

    @Test func anErrorThatIsNotOfRunTrapsAsEver() async throws {
        let outcome = try await run("run, another error")
        #expect(outcome.errors.contains("Plain"))
        #expect(outcome.status < 0)
    }
}

/// The places of tasks in top-level code, for which the runtime has no name.
@Suite(.eventLoop) struct TopLevelPlacesTests {
    @Test func closuresAreInTopLevelCode() async throws {
        let outcome = try await Program.run("ending-program", ["places"])
        let places = outcome.lines.filter { $0.hasSuffix(", line 0") || $0.hasSuffix(", a line true") }
        try #require(places.count == 2, "\(outcome.lines)")
        #expect(places[0].hasPrefix("closure #1 in closure #"))
        #expect(places[0].hasSuffix(" in top-level code, line 0"))
        #expect(places[1].hasPrefix("closure #"))
        #expect(places[1].hasSuffix(" in top-level code, a line true"))
        #expect(
            outcome.lines.contains { $0.contains("in async closure #1 in closure #") && $0.hasSuffix("top-level code") }
        )
        #expect(!outcome.lines.contains { $0.hasSuffix(" in ()") || $0.hasSuffix(" in ") })
    }

    @Test func topLevelCodeThatAwaitsHasLinesOrIsLeftOut() async throws {
        let lines = try await Program.run("top-level-await-program", ["places"]).lines
        #expect(lines.count >= 2)
        #expect(lines.allSatisfy { $0.hasSuffix("top-level code true") }, "\(lines)")
    }
}
