import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Tests in virtual time whose body never ends, not even when it is cancelled: they fail with the
/// report, and the process goes on.
struct AbandonedTaskTests {
    nonisolated enum Stuck: CaseIterable {
        case continuation, lateThread, cleanUp, insideATimeout, insideAGroup, child

        func wait(_ hasGoneOn: Flag) async throws {
            switch self {
            case .continuation:
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            case .lateThread:
                await answerLate()
            case .cleanUp:
                do { try await Future<Void>().value } catch {
                    await answerLate()
                    hasGoneOn.set()
                    throw error
                }
            case .insideATimeout:
                try await withTimeout(.seconds(1)) { await answerLate() }
            case .insideAGroup:
                try await withAsyncTaskGroup { group in try group.createTask { await answerLate() } }
            case .child:
                async let answer: Void = answerLate()
                await answer
            }
            hasGoneOn.set()
        }

        private func answerLate() async {
            await withCheckedContinuation { continuation in
                onForeignThread {
                    block(.milliseconds(20))
                    continuation.resume()
                }
            }
        }
    }

    @Test(.eventLoop, arguments: Stuck.allCases, [false, true])
    nonisolated func aBodyThatNeverEndsFailsWithTheReport(stuck: Stuck, hasSeeds: Bool) async throws {
        let test = try #require(Test.current)
        let testCase = try #require(Test.Case.current)
        let hasGoneOn = Flag()
        let trait: VirtualTimeTrait = hasSeeds ? .seeds(2) : .virtualTime
        try await withKnownIssue {
            try await trait.provideScope(for: test, testCase: testCase) {
                try await stuck.wait(hasGoneOn)
            }
        } matching: { issue in
            issue.error is DeadlockError || issue.comments.contains { $0.rawValue.contains("failed under seed") }
        }
        // The answer comes, and nothing of the test goes on.
        try await sleep(.milliseconds(60))
        #expect(!hasGoneOn.isSet)
    }

    @Test(.eventLoop) func aTestThatEndsIsServedAsEver() async throws {
        let test = try #require(Test.current)
        let testCase = try #require(Test.Case.current)
        let hasEnded = Flag()
        try await VirtualTimeTrait.virtualTime.provideScope(for: test, testCase: testCase) {
            try await sleep(.seconds(3600))
            hasEnded.set()
        }
        #expect(hasEnded.isSet)
    }

    @Test(.eventLoop) func aTaskOfAClosedLoopStaysWhereItIs() async throws {
        let hasGoneOn = Flag()
        try AsyncIOTesting.withVirtualLoop { virtual in
            virtual.loop.setExceptionHandler { _ in }
            virtual.createTask { try await Stuck.lateThread.wait(hasGoneOn) }
            _ = try virtual.run()
        }
        try await sleep(.milliseconds(60))
        #expect(!hasGoneOn.isSet)
    }
}
