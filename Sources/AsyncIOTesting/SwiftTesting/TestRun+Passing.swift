#if canImport(Testing)
    internal import Synchronization
    internal import Testing

    extension TestRun {
        /// Runs a test once, and returns whether it passed. Use this method for tests that run several times.
        ///
        /// - Parameters:
        ///   - records: Whether issues are recorded as usual. If this is false, issues only make this run fail.
        ///   - hasAbandoned: A flag that the method sets to true if tasks were left behind.
        func passes(
            records: Bool = true, hasAbandoned: inout Bool,
            _ body: @escaping @Sendable @concurrent () async throws -> Void
        ) throws -> Bool {
            let hasIssue = Flag()
            let outcome = try run {
                try await withKnownIssue(isIntermittent: true) {
                    try await body()
                } matching: { _ in
                    hasIssue.isSet.store(true, ordering: .relaxed)
                    return !records
                }
            }
            if outcome.isLeftBehind || outcome.hasLeftTasks { hasAbandoned = true }
            if records {
                do { try outcome.record() } catch { Issue.record(error) }
            }
            guard case .success = outcome.result else { return false }
            return outcome.complaints.isEmpty && !hasIssue.isSet.load(ordering: .relaxed)
        }

        private final class Flag: Sendable {
            let isSet = Atomic(false)
        }
    }

    extension Test {
        /// Whether the test has its own trait of this kind, which takes precedence over the suite's trait.
        func overrides<T: TestTrait & Equatable>(_ trait: T) -> Bool {
            guard let own = traits.last(where: { $0 is T }) as? T else { return false }
            return own != trait
        }
    }
#endif
