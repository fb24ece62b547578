import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

@Suite(.eventLoop) struct SubprocessScopeTests {
    /// Ignores SIGTERM, and prints a line once it does.
    private let stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done"

    @Test func aChildThatEndedInItsScopeIsLeftInPeace() async throws {
        let before = Process.descriptors
        let code = try await withSubprocess("cat", stdin: .pipe, stdout: .pipe) { process in
            let (output, _) = try await process.communicate("x")
            #expect(output == [0x78])
            return process.returnCode
        }
        #expect(code == 0)
        #expect(Process.opened(since: before) == [])
    }

    @Test func aChildThatStillRunsIsAskedToEnd() async throws {
        let before = Process.descriptors
        var ended: AsyncSubprocess?
        try await withSubprocess("sleep", arguments: ["60"], stdout: .pipe) { ended = $0 }
        #expect(ended?.returnCode == -15)
        ended = nil
        try await sleep(.zero)
        #expect(Process.opened(since: before) == [])
    }

    @Test func anErrorOfTheBodyIsThrownOnceTheChildHasEnded() async throws {
        var ended: AsyncSubprocess?
        await #expect(throws: TestError("body")) {
            try await withSubprocess("sleep", arguments: ["60"]) { process in
                ended = process
                throw TestError("body")
            }
        }
        #expect(ended?.returnCode == -15)
    }

    @Test func aChildThatDoesNotHearIsKilledWhenItsGraceIsOver() async throws {
        let start = ContinuousClock.now
        var ended: AsyncSubprocess?
        try await withSubprocess(shell: stubborn, stdout: .pipe, grace: .milliseconds(200)) { process in
            ended = process
            _ = try await process.stdout?.readLine()
        }
        #expect(ended?.returnCode == -9)
        #expect(ContinuousClock.now - start >= .milliseconds(200))
    }

    @Test func aStoppedChildEndsToo() async throws {
        var ended: AsyncSubprocess?
        try await withSubprocess("sleep", arguments: ["60"], grace: .seconds(20)) { process in
            ended = process
            try process.sendSignal(.stop)
        }
        #expect(ended?.returnCode == -15)
    }

    @Test func aCancelledScopeEndsItsChildBeforeItThrows() async throws {
        var ended: AsyncSubprocess?
        let isReady = Event()
        let task = createTask {
            try await withSubprocess(shell: stubborn, stdout: .pipe, grace: .milliseconds(50)) { process in
                ended = process
                _ = try await process.stdout?.readLine()
                isReady.set()
                try await process.wait()
            }
        }
        try await isReady.wait()
        task.cancel()
        try await sleep(.milliseconds(1))
        // Cancelled again while it cleans up.
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ended?.returnCode == -9)
    }

    @Test func aTimeoutAroundAScopeEndsItsChild() async throws {
        var ended: AsyncSubprocess?
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(50)) {
                try await withSubprocess("sleep", arguments: ["60"]) { process in
                    ended = process
                    try await process.wait()
                }
            }
        }
        #expect(ended?.returnCode == -15)
    }

    /// With other options too: what they do not say is as without options.
    @Test(arguments: [nil, "/"]) func aShellsOwnChildrenEndWithIt(directory: String?) async throws {
        var grandchildren: [Int32] = []
        try await withSubprocess(
            // One process that reacts to SIGTERM, and one that does not.
            shell: "sleep 50 & echo $!; (trap '' TERM; sleep 50) & echo $!; wait", stdout: .pipe,
            options: .init(directory: directory)
        ) { process in
            for _ in 0..<2 {
                let line = try #require(try await process.stdout?.readTextLine())
                grandchildren.append(try #require(Int32(line)))
            }
        }
        #expect(grandchildren.count == 2)
        for pid in grandchildren {
            // Its new parent reaps it at some time.
            try await eventually { !Process.isRunning(pid) }
        }
    }

    @Test func aProgramThatCannotBeStartedEntersNoScope() async throws {
        await #expect(throws: OSError.self) {
            try await withSubprocess("no-such-program") { _ in Issue.record("entered") }
        }
    }
}
