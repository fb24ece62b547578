/// Runs `body`, and starts another run of `body` if the first run takes too long. Returns the value of the first run
/// that succeeds.
///
/// ```swift
/// let page = try await hedged(after: .milliseconds(50)) { try await fetch(url) }
/// ```
///
/// Hedging avoids waiting for the slowest responses of a service, at the cost of a few more requests. The next run
/// starts when `delay` has passed since the previous run started, or as soon as the previous run has failed. When a run
/// returns a value, the other runs are cancelled and awaited.
///
/// - Parameters:
///   - delay: The time to wait for a run before the next run starts.
///   - attempts: The maximum number of runs.
///   - body: The work to perform. The closure must be safe to run several times.
/// - Returns: The value of the first run that succeeds.
/// - Throws: The error of the last run if all runs fail; ``ValueError`` if `attempts` is less than 1;
///   `CancellationError` if the task is cancelled. The `CancellationError` is thrown after all runs have ended.
///
/// asyncio: none. gRPC: hedging. tower: `Hedge`.
public func hedged<T>(
    after delay: Duration, attempts: Int = 2, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: @escaping () async throws -> T
) async throws -> T {
    guard attempts >= 1 else { throw ValueError("attempts must be at least 1, got \(attempts)") }
    return try await hedged(0..<attempts, after: delay, isolation: isolation, fileID: fileID, line: line) { _ in
        _ = isolation
        return try await body()
    }
}

/// Runs `body` for each of `items` in turn, as in ``hedged(after:attempts:isolation:fileID:line:_:)``, until one of the
/// runs returns a value.
///
/// ```swift
/// let page = try await hedged(mirrors, after: .milliseconds(50)) { mirror in try await fetch(mirror) }
/// ```
///
/// - Parameters:
///   - items: The items, in the order in which their runs start.
///   - delay: The time to wait for a run before the next run starts.
///   - body: A closure that receives an item.
/// - Returns: The value of the first run that succeeds.
/// - Throws: The error of the last run if all runs fail; ``ValueError`` if there are no items; `CancellationError` if
///   the task is cancelled. The `CancellationError` is thrown after all runs have ended.
///
/// asyncio: `asyncio.staggered.staggered_race`.
public func hedged<Item, T>(
    _ items: some Sequence<Item>, after delay: Duration, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: @escaping (Item) async throws -> T
) async throws -> T {
    let (value, index, errors) = try await staggeredRace(
        items, delay: delay, isolation: isolation, fileID: fileID, line: line, body)
    if index != nil, let value { return value }
    guard let error = errors.last.flatMap(\.self) else { throw ValueError("hedged() needs at least one item") }
    throw error
}
