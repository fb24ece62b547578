internal import AsyncIO

/// Runs `body` on a new event loop in virtual time with a simulated network, and cleans up after it.
///
/// Use it in tests with XCTest, and outside of tests. For tests with Swift Testing, use
/// ``Testing/Trait/simulation(seeds:duration:)``, which also reduces the faults of a failed run to those that are
/// needed.
///
/// ```swift
/// let digest = try simulate(seed: 7) { net in
///     let db = try net.host("db") { try await runDatabase(port: 5432) }
///     …
///     return net.traceDigest
/// }
/// ```
///
/// - Parameters:
///   - seed: Decides everything that is random: the order of ready entries, latencies, losses, and faults.
///   - duration: The maximum virtual time of the run. After that, it ends with a ``DeadlockError`` that says what each
///     task is waiting for.
/// - Throws: What `body` throws; ``DeadlockError``.
@discardableResult
public func simulate<T>(
    seed: UInt64 = 0, duration: Duration = .seconds(24 * 3600),
    _ body: @escaping @MainActor (Network) async throws -> T
) throws -> T {
    try runInVirtualTime(SimulationOptions(duration: duration).makeRunner(seed: seed) { _ in }, seed: seed) {
        try await body(Network.current)
    }
}
