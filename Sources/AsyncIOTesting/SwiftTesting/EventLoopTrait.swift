#if canImport(Testing)
    internal import AsyncIO
    public import Testing

    /// Runs a test on its own event loop, in real time; see ``Testing/Trait/eventLoop``.
    public struct EventLoopTrait: TestTrait, SuiteTrait, TestScoping, Equatable {
        let limit: Duration?
        let grace: Duration

        package init(limit: Duration?, grace: Duration = .seconds(10)) {
            self.limit = limit
            self.grace = grace
        }

        /// Whether the trait also applies to the tests of nested suites. This is always `true`.
        public var isRecursive: Bool { true }

        /// Runs a test as the trait describes. Swift Testing calls this method.
        ///
        /// - Throws: The errors that end the test.
        public func provideScope(
            for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
        ) async throws {
            guard testCase != nil, !test.overrides(self) else { return try await function() }
            let run = TestRun(name: test.displayName ?? test.name, limit: limit, grace: grace)
            let outcome = try withEscaping(function) { function, hasAbandoned in
                let outcome = try run.run(function)
                hasAbandoned = outcome.isLeftBehind || outcome.hasLeftTasks
                return outcome
            }
            try outcome.record()
        }
    }

    extension TestRun.Outcome {
        /// Records the complaints as issues, and throws the error of the test.
        func record() throws {
            for complaint in complaints { Issue.record(Comment(rawValue: complaint)) }
            // A test that was left behind has no result, and has already been reported.
            if complaints.isEmpty || !isLeftBehind { try result.get() }
        }
    }

    extension Trait where Self == EventLoopTrait {
        /// Runs the test on its own event loop, in real time. Use this trait for tests with sockets, processes, and
        /// threads.
        ///
        /// No other test runs at the same time. The test has its own exception handler, and tasks that remain when the
        /// test ends are cancelled. A test that runs for two minutes is cancelled and fails; see
        /// ``Testing/Trait/eventLoop(limit:)``.
        public static var eventLoop: Self { Self(limit: .seconds(120)) }

        /// Runs the test on its own event loop, for at most `limit`.
        ///
        /// The limit includes only the time during which the test itself runs. Unlike `.timeLimit`, it does not include
        /// the time during which other tests run. When the limit is reached, the test is cancelled and fails with a
        /// report that says what each of its tasks is waiting for, and where. If the test ignores its cancellation, or
        /// if its loop cannot be closed because a task or a thread does not end, the test is abandoned ten seconds
        /// later, and the other tests continue. If the test blocks the thread for half a minute after the limit, the
        /// process ends with a message that names the test.
        ///
        /// Under a debugger, there is no limit.
        ///
        /// - Parameter limit: The maximum time that the test can run, or `nil` for no limit.
        public static func eventLoop(limit: Duration?) -> Self { Self(limit: limit) }
    }
#endif
