import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Ctrl-C in real programs: `Tests/Programs/TopLevel`.
@Suite(.eventLoop) struct InterruptTests {
    private func interrupted(_ scenario: String, times: Int = 1) async throws -> Program.Outcome {
        try await Program.run("top-level-program", [scenario], interrupts: times)
    }

    @Test func ctrlCCancelsTheMainTaskWhichCleansUpAndRunThrowsKeyboardInterrupt() async throws {
        let outcome = try await interrupted("waits")
        #expect(outcome.lines == ["ready", "cancelled, cancelling 1", "cleaned up", "threw KeyboardInterrupt"])
        #expect(outcome.status == 0)
    }

    @Test func ctrlCReachesAForeignWait() async throws {
        #expect(try await interrupted("waits elsewhere").lines == ["ready", "threw KeyboardInterrupt"])
    }

    @Test func ctrlCReachesALoopThatNeverSleeps() async throws {
        #expect(try await interrupted("busy loop").lines == ["ready", "threw KeyboardInterrupt"])
    }

    @Test func ctrlCInTheLastStepOfTheMainTaskCountsToo() async throws {
        #expect(try await interrupted("last step").lines == ["ready", "threw KeyboardInterrupt"])
    }

    @Test func aMainTaskThatSwallowsItsCancellationReturnsAsEver() async throws {
        #expect(try await interrupted("swallows").lines == ["ready", "returned done", "end"])
    }

    @Test func ifSomebodyElseCancelledTheMainTaskTooRunThrowsCancellationError() async throws {
        #expect(try await interrupted("cancelled twice").lines == ["ready", "threw CancellationError"])
    }

    @Test func theSecondCtrlCEndsTheProcessWhateverItDoes() async throws {
        let outcome = try await interrupted("impatient", times: 2)
        #expect(outcome.lines == ["ready", "ready again"])
        #expect(outcome.status == -SIGINT)
    }

    @Test func aHandlerThatWasThereBeforeIsLeftAlone() async throws {
        #expect(try await interrupted("ignored").lines == ["ready", "unharmed", "end"])
    }

    @Test func afterTheRunCtrlCEndsTheProcessAgain() async throws {
        let outcome = try await interrupted("after")
        #expect(outcome.lines == ["ready"])
        #expect(outcome.status == -SIGINT)
    }

    @Test func aLoopOnAnotherThreadHandlesNoCtrlC() async throws {
        let outcome = try await interrupted("other thread")
        #expect(outcome.lines == ["ready"])
        #expect(outcome.status == -SIGINT)
    }

    @Test func eachRunOfARunnerHasItsOwnFirstCtrlC() async throws {
        let outcome = try await interrupted("several runs", times: 2)
        #expect(outcome.lines == ["ready", "interrupted", "ready again", "interrupted again", "end"])
    }
}
