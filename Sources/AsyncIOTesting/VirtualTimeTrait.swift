internal import Synchronization
public import Testing

/// Runs a test in virtual time; see ``Testing/Trait/virtualTime``.
public struct VirtualTimeTrait: TestTrait, SuiteTrait, TestScoping {
    /// The seeds of the schedules to try; nil for asyncio's own order.
    let seeds: Range<UInt64>?

    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try withEscaping(function) { function, hasAbandoned in
            guard let seeds else {
                return try runInVirtualTime(seed: nil, hasAbandoned: &hasAbandoned) { try await function() }
            }
            for seed in Environment.seed.map({ $0..<$0 + 1 }) ?? seeds {
                let hasPassed = Result { try passes(seed, hasAbandoned: &hasAbandoned, function) }
                if case .success(true) = hasPassed { continue }
                Issue.record("failed under seed \(seed); set ASYNCIO_SEED=\(seed) to repeat it")
                _ = try hasPassed.get()
                return
            }
        }
    }

    /// Whether the test passes under this schedule. Issues are recorded as usual.
    private func passes(
        _ seed: UInt64, hasAbandoned: inout Bool, _ function: @escaping @Sendable @concurrent () async throws -> Void
    ) throws -> Bool {
        try runInVirtualTime(seed: seed, hasAbandoned: &hasAbandoned) {
            let hasFailed = Atomic(false)
            do {
                try await withKnownIssue(isIntermittent: true) {
                    try await function()
                } matching: { _ in
                    hasFailed.store(true, ordering: .relaxed)
                    return false
                }
            } catch {
                hasFailed.store(true, ordering: .relaxed)
                Issue.record(error)
            }
            return !hasFailed.load(ordering: .relaxed)
        }
    }
}

extension Trait where Self == VirtualTimeTrait {
    /// Runs the test on its own event loop, in virtual time.
    ///
    /// When nothing is ready, the clock jumps to the next timer. A deadlock ends the test with
    /// a report.
    ///
    /// ```swift
    /// @Test(.virtualTime) func sleepsAnHour() async throws {
    ///     try await sleep(.seconds(3600))
    /// }
    /// ```
    public static var virtualTime: Self { Self(seeds: nil) }

    /// Runs the test in virtual time under `count` random schedules.
    ///
    /// If the test fails, its report names the seed. To repeat the test under that seed, set the
    /// environment variable `ASYNCIO_SEED`.
    public static func seeds(_ count: UInt64) -> Self { Self(seeds: 0..<count) }
}
