import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Tests in virtual time whose body never ends, even if it is cancelled. They fail with the report,
/// and the process continues.
struct AbandonedTaskTests {
    nonisolated enum Stuck: CaseIterable {
        case continuation, lateThread, cleanUp, insideATimeout, insideAGroup, child

        func wait(_ isOver: Flag, _ hasGoneOn: Flag) async throws {
            switch self {
            case .continuation:
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            case .lateThread:
                await answerLate(isOver)
            case .cleanUp:
                do { try await Future<Void>().value } catch {
                    await answerLate(isOver)
                    hasGoneOn.set()
                    throw error
                }
            case .insideATimeout:
                try await withTimeout(.seconds(1)) { await answerLate(isOver) }
            case .insideAGroup:
                try await withAsyncTaskGroup { group in try group.createTask { await answerLate(isOver) } }
            case .child:
                async let answer: Void = answerLate(isOver)
                await answer
            }
            hasGoneOn.set()
        }

        /// A thread that answers only after the test is over.
        private func answerLate(_ isOver: Flag) async {
            await withCheckedContinuation { continuation in
                onForeignThread {
                    isOver.wait()
                    continuation.resume()
                }
            }
        }
    }

    @Test(.eventLoop, arguments: Stuck.allCases)
    nonisolated func aBodyThatNeverEndsFailsWithTheReport(stuck: Stuck) async throws {
        try await check(stuck, .virtualTime)
    }

    @Test(.eventLoop) nonisolated func aBodyThatNeverEndsFailsUnderSeedsToo() async throws {
        try await check(.insideATimeout, .seeds(2))
    }

    private nonisolated func check(_ stuck: Stuck, _ trait: VirtualTimeTrait) async throws {
        let test = try #require(Test.current)
        let testCase = try #require(Test.Case.current)
        let (isOver, hasGoneOn) = (Flag(), Flag())
        try await withKnownIssue {
            try await trait.provideScope(for: test, testCase: testCase) {
                try await stuck.wait(isOver, hasGoneOn)
            }
        } matching: { issue in
            issue.error is DeadlockError || issue.comments.contains { $0.rawValue.contains("failed under seed") }
        }
        // The answer arrives, but nothing of the test continues.
        isOver.set()
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
}
