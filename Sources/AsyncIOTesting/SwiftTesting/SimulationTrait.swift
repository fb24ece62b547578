#if canImport(Testing)
    internal import AsyncIO
    public import Testing

    /// Runs a test in a simulation; see ``Testing/Trait/simulation(seeds:duration:shufflesTasks:)``.
    public struct SimulationTrait: TestTrait, SuiteTrait, TestScoping {
        let seeds: Range<UInt64>
        let options: SimulationOptions

        init(seeds: Range<UInt64>, options: SimulationOptions) { (self.seeds, self.options) = (seeds, options) }

        /// Creates a trait for tests that expect the same order and the same reports as with ``EventLoopTrait``.
        package init(failsOnReports: Bool, shufflesTasks: Bool) {
            self.init(
                seeds: 0..<1, options: SimulationOptions(shufflesTasks: shufflesTasks, failsOnReports: failsOnReports))
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
            let name = test.displayName ?? test.name
            try withEscaping(function) { function, hasAbandoned in
                for seed in Environment.seed.map({ $0..<$0 + 1 }) ?? seeds {
                    let run = SimulationRun(name: name, seed: seed, options: options)
                    if try run.passes(hasAbandoned: &hasAbandoned, function) { continue }
                    try Issue.record(Comment(rawValue: run.report(hasAbandoned: &hasAbandoned, function)))
                    return
                }
            }
        }
    }

    extension SimulationTrait: Equatable {
        /// Whether two traits have the same seeds and options.
        public static func == (left: Self, right: Self) -> Bool {
            left.seeds == right.seeds && left.options == right.options
        }
    }

    extension Trait where Self == SimulationTrait {
        /// Runs the test on an event loop in virtual time, with its own network, which is ``Network/current``.
        public static var simulation: Self { simulation(seeds: 1) }

        /// Runs the test with several seeds, each time on an event loop in virtual time, with its own network, which is
        /// ``Network/current``.
        ///
        /// The seed determines all random choices: the order in which tasks run, latencies, losses, and faults. If the
        /// test fails, its report names the seed, shows the latest events as a chart, and gives the paths of two files
        /// with the stored events: a diagram for Mermaid, and a trace for Perfetto. If the test injected faults, the
        /// report lists those that are necessary for the failure. Set the environment variable `ASYNCIO_SEED` to repeat
        /// the run.
        ///
        /// Each run has a limit of two minutes in real time.
        ///
        /// - Parameters:
        ///   - seeds: The number of seeds to try.
        ///   - duration: The maximum virtual time of a run. When this time is exceeded, the run fails with a report
        ///     that says what each task is waiting for.
        ///   - shufflesTasks: Whether the seed also decides the order in which ready tasks run. Pass `false` to run
        ///     tests that were written for real sockets and that depend on asyncio's order: first in, first out.
        public static func simulation(
            seeds: UInt64 = 1, duration: Duration = .seconds(24 * 3600), shufflesTasks: Bool = true
        ) -> Self {
            Self(seeds: 0..<seeds, options: SimulationOptions(duration: duration, shufflesTasks: shufflesTasks))
        }
    }
#endif
