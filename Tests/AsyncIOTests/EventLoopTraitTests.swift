import AsyncIO
import AsyncIOTesting
import Synchronization
import Testing

/// Tests that fail in ways that could make other tests wait forever.
@Suite struct EventLoopTraitTests {
    private func run(
        limit: Duration? = .seconds(60), grace: Duration = .milliseconds(50),
        _ body: @escaping @Sendable @MainActor () async throws -> Void
    ) throws -> TestRun.Outcome {
        try TestRun(name: "a test", limit: limit, grace: grace).run { try await body() }
    }

    @Test func aTestThatIsOverTimeIsCancelledAndToldWhatItWaitsFor() throws {
        let line = #line + 3
        // The grace is longer than any machine takes.
        let outcome = try run(limit: .milliseconds(20), grace: .seconds(60)) {
            try await Event().wait()
        }
        #expect(!outcome.isLeftBehind)
        #expect(throws: CancellationError.self) { try outcome.result.get() }
        let complaint = try #require(outcome.complaints.first)
        #expect(complaint.contains("reached its limit of 0.02 seconds and was cancelled"))
        // The duration, not the reading of the clock.
        #expect(complaint.contains(#/waits for Event.wait\(\)(, since [\d.]+ m?s)? at /#), "\(complaint)")
        #expect(complaint.contains("EventLoopTraitTests.swift:\(line)"))
        #expect(outcome.complaints.count == 1)
    }

    @Test func aTestThatIgnoresItsCancellationIsLeftBehindAndTheNextOneRuns() async throws {
        let wasReached = Counter()
        // The trait itself, which passes on the loop that it got from the test's runner.
        try await withKnownIssue {
            try await EventLoopTrait(limit: .milliseconds(20), grace: .milliseconds(20)).provideScope(
                for: try #require(Test.current), testCase: Test.Case.current
            ) {
                wasReached.increase()
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            }
        } matching: { issue in
            issue.comments.contains { "\($0)".contains("was cancelled") || "\($0)".contains("was left behind") }
        }
        try await EventLoopTrait(limit: .seconds(60)).provideScope(
            for: try #require(Test.current), testCase: Test.Case.current
        ) {
            wasReached.increase()
        }
        #expect(wasReached.value == 2)
    }

    @Test func aTestThatFailsWithAServerAndAChildAliveEnds() async throws {
        let others = Process.children
        let outcome = try run {
            _ = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
            _ = try await createSubprocess("sleep", arguments: ["60"], stdin: .pipe, stdout: .pipe)
            createTask { try await Event().wait() }
            throw Boom(1)
        }
        #expect(throws: Boom(1)) { try outcome.result.get() }
        #expect(!outcome.isLeftBehind && outcome.complaints == [])
        #expect(try await Process.hasNoZombies(but: others))
    }

    @Test func aTaskThatSwallowsItsCancellationDoesNotHoldUpTheOthers() throws {
        let outcome = try run {
            createTask(name: "stubborn") {
                while true { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
            }
            throw Boom(2)
        }
        #expect(throws: Boom(2)) { try outcome.result.get() }
        #expect(outcome.complaints.count == 1)
        #expect(outcome.complaints.first?.contains("its event loop did not finish") == true)
        #expect(outcome.complaints.first?.contains("\"stubborn\" waits for code outside of asyncio") == true)
    }

    @Test func neitherDoesAThread() throws {
        let (hasBegun, gate) = (Flag(), Flag())
        let outcome = try run {
            createTask {
                try await toThread {
                    hasBegun.set()
                    gate.wait()
                }
            }
            try await eventually { hasBegun.isSet }
        }
        gate.set()
        #expect(outcome.complaints.count == 1)
        #expect(
            outcome.complaints.first?.contains("waits for shutdownDefaultExecutor()") == true, "\(outcome.complaints)")
    }

    @Test func theLimitDoesNotCountOtherTestsThatRunInside() throws {
        let outcome = try run(limit: .milliseconds(200)) {
            let inner = try TestRun(name: "another", limit: nil, grace: .seconds(1)).run {
                block(.milliseconds(300))
            }
            #expect(throws: Never.self) { try inner.result.get() }
            // Its time is not up, and the watching thread has had the time to see that.
            try await sleep(.milliseconds(20))
        }
        #expect(outcome.complaints == [])
        #expect(throws: Never.self) { try outcome.result.get() }
    }

    @Test @concurrent func aTestThatBlocksTheThreadEndsTheProcessWithASentence() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            let limit = Duration.milliseconds(10)
            let run = TestRun(name: "a blocking test", limit: limit, grace: limit, patience: limit)
            _ = try atTopLevel { try run.run { block(.seconds(100)) } }
        }
        #expect(result?.standardError.contains("\"a blocking test\" has reached its limit, and its event loop") == true)
    }
}
