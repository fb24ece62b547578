#if canImport(Testing)
    internal import AsyncIO
    public import Testing

    /// Runs a test in virtual time; see ``Testing/Trait/virtualTime``.
    public struct VirtualTimeTrait: TestTrait, SuiteTrait, TestScoping {
        /// The seeds of the schedules to try, or nil for asyncio's own order.
        let seeds: Range<UInt64>?
        var options = VirtualTimeOptions()

        /// Whether the trait also applies to the tests of nested suites. This is always `true`.
        public var isRecursive: Bool { true }

        /// Runs a test as the trait describes. Swift Testing calls this method.
        ///
        /// - Throws: The errors that end the test.
        public func provideScope(
            for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
        ) async throws {
            guard testCase != nil, !test.overrides(self) else { return try await function() }
            if options.threads == .virtual { try await FollowingTurn.takeInTurn() }
            defer { if options.threads == .virtual { FollowingTurn.release() } }
            let name = test.displayName ?? test.name
            try withEscaping(function) { function, hasAbandoned in
                guard let seeds else {
                    let outcome = try makeRun(name, seed: nil).run(function)
                    if outcome.isLeftBehind || outcome.hasLeftTasks { hasAbandoned = true }
                    return try outcome.record()
                }
                for seed in Environment.seed.map({ $0..<$0 + 1 }) ?? seeds {
                    if try makeRun(name, seed: seed).passes(hasAbandoned: &hasAbandoned, function) { continue }
                    Issue.record("failed under seed \(seed); set ASYNCIO_SEED=\(seed) to repeat it")
                    return
                }
            }
        }

        private func makeRun(_ name: String, seed: UInt64?) -> TestRun {
            let options = self.options
            return TestRun(
                name: name, limit: options.limit, grace: .seconds(10), failsOnReports: options.failsOnReports,
                seed: seed, threads: options.threads,
                makeRunner: { options.makeRunner(seed: seed) })
        }
    }

    extension VirtualTimeTrait: Equatable {
        /// Whether two traits have the same seeds and options.
        public static func == (left: Self, right: Self) -> Bool {
            left.seeds == right.seeds && left.options == right.options
        }
    }

    extension Trait where Self == VirtualTimeTrait {
        /// Runs the test on its own event loop, in virtual time.
        ///
        /// When nothing is ready, the clock jumps to the next timer. If a deadlock occurs, the test ends with a report.
        ///
        /// ```swift
        /// @Test(.virtualTime) func sleepsAnHour() async throws {
        ///     try await sleep(.seconds(3600))
        /// }
        /// ```
        ///
        /// On the thread of the loop, all clocks, such as `ContinuousClock.now`, `Date()`, and `DispatchTime.now()`,
        /// show virtual time. Therefore, every library that measures time or computes deadlines with these clocks
        /// also follows virtual time. Use ``VirtualClock`` to step the clock manually. See
        /// ``Testing/Trait/virtualTime(startingAt:grace:failsOnReports:threads:)`` for the parameters.
        ///
        /// A test that runs for two minutes in real time is cancelled and fails with a report.
        public static var virtualTime: Self { Self(seeds: nil) }

        /// Runs the test on its own event loop, in virtual time.
        ///
        /// - Parameters:
        ///   - date: The date that `Date()` and other wall clocks show at the beginning, as the time since 1 January
        ///     1970 at 00:00 UTC. The default is 1 January 2001 at 00:00 UTC, which is the reference date of
        ///     Foundation.
        ///   - grace: How long the loop waits in real time before virtual time continues, if a task is waiting for
        ///     something outside this library, such as a continuation that another thread resumes. The loop waits
        ///     twenty times this long before it reports a deadlock. For work that was passed to threads with `toThread`
        ///     and similar functions, the loop waits up to a minute.
        ///   - failsOnReports: Whether errors that are never retrieved, and other reports to the exception handler,
        ///     fail the test, unless the test has its own exception handler. The default is `true`, because these
        ///     reports concern errors that the program did not handle.
        ///   - threads: The time of the threads that do not run an event loop. With ``ThreadTime/virtual``, the test
        ///     waits while the threads follow the loop of another test.
        public static func virtualTime(
            startingAt date: Duration? = nil, grace: Duration = .milliseconds(100), failsOnReports: Bool = true,
            threads: ThreadTime = .real
        ) -> Self {
            let options = VirtualTimeOptions(
                date: date, grace: grace, threads: threads, failsOnReports: failsOnReports)
            return Self(seeds: nil, options: options)
        }

        /// Runs the test in virtual time under `count` random schedules.
        ///
        /// If the test fails, its report names the seed. To repeat the test with that seed, set the environment
        /// variable `ASYNCIO_SEED`. Hash values and the order of sets and dictionaries are the same in each process
        /// that links this module. The seed also determines the numbers of `SystemRandomNumberGenerator`.
        public static func seeds(_ count: UInt64) -> Self { Self(seeds: 0..<count) }
    }
#endif
