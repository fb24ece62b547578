internal import AsyncIO

/// Runs `body` on a new event loop in virtual time with a simulated network, and cleans up afterward.
///
/// Use this function in tests with XCTest, and outside tests. For tests with Swift Testing, use
/// ``Testing/Trait/simulation(seeds:duration:shufflesTasks:)``, which also reduces the faults of a failed run to those
/// that are necessary for the failure.
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
///   - seed: The seed, which determines all random choices: the order of ready entries, latencies, losses, and faults.
///   - duration: The maximum virtual time of the run. When this time is exceeded, the run ends with a ``DeadlockError``
///     that says what each task is waiting for.
///   - shufflesTasks: Whether the seed also decides the order in which ready tasks run. If this is `false`, tasks run
///     in asyncio's order: first in, first out.
/// - Throws: The errors of `body`; ``DeadlockError``.
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
