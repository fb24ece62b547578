internal import AsyncIO

/// Runs `body` on a new event loop in virtual time, whose network is simulated, and cleans up after it.
///
/// Use it in tests with XCTest, and outside of tests. Tests with Swift Testing have
/// ``Testing/Trait/simulation(seeds:duration:shufflesTasks:)``, which also shrinks the faults of a run that fails.
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
///   - duration: How long the run can last in virtual time. After that, it ends with a ``DeadlockError`` that says what
///     each task waits for.
///   - shufflesTasks: Whether the seed also decides the order in which ready tasks run. Without this, they run in
///     asyncio's order, first in, first out.
/// - Throws: What `body` throws; ``DeadlockError``.
@discardableResult
public func simulate<T>(
    seed: UInt64 = 0, duration: Duration = .seconds(24 * 3600), shufflesTasks: Bool = true,
    _ body: @escaping @MainActor (Network) async throws -> T
) throws -> T {
    let options = SimulationOptions(duration: duration, shufflesTasks: shufflesTasks)
    return try runInVirtualTime(options.makeRunner(seed: seed) { _ in }, seed: seed) {
        try await body(Network.current)
    }
}
