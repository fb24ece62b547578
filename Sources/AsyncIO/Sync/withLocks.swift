internal import Synchronization

/// Acquires several locks, runs `body`, and releases the locks when `body` returns or throws.
///
/// ```swift
/// try await withLocks(from.lock, to.lock) { try await transfer(10, from: from, to: to) }
/// ```
///
/// All tasks acquire the locks in the same order, regardless of the order of the arguments. Therefore, tasks that use
/// this function cannot cause a deadlock between these locks. The function acquires one lock at a time. While it waits
/// for a lock, it holds the locks that it has already acquired.
///
/// - Parameters:
///   - locks: The locks to acquire. For a ``Condition``, pass its ``Condition/lock``.
///   - body: The work to perform while all locks are held.
/// - Returns: The value that `body` returns.
/// - Throws: The error that `body` throws; ``ValueError`` if a lock is passed twice, because this would cause a
///   deadlock; `CancellationError` if the task is cancelled while it waits, in which case no lock is held;
///   ``RuntimeError`` if `body` returned but had already released one of the locks.
/// - Complexity: O(*n* log *n*), where *n* is the number of locks.
///
/// asyncio: nested `async with` statements, in an order that all tasks must follow.
@discardableResult
public func withLocks<T>(
    _ locks: Lock..., body: nonisolated(nonsending) () async throws -> T
) async throws -> T {
    let ordered = locks.map { (rank: $0.rank, lock: $0) }.sorted { $0.rank < $1.rank }.map(\.lock)
    for (lock, next) in zip(ordered, ordered.dropFirst()) where lock === next {
        throw ValueError("withLocks() got the same lock twice")
    }
    var held = 0
    do {
        for lock in ordered {
            try await lock.acquire()
            held += 1
        }
    } catch {
        for lock in ordered[..<held].reversed() { try? lock.release() }
        throw error
    }
    return try await releasing({ try releaseAll(ordered.reversed()) }, after: body)
}

/// Releases all of the locks, and then throws the first error, if any.
private func releaseAll(_ locks: [Lock]) throws {
    let results = locks.map { lock in Result { try lock.release() } }
    for result in results { try result.get() }
}

extension Lock {
    /// The position of the lock in the order in which `withLocks` acquires locks. The address of the lock is not used,
    /// because it differs from run to run, and a run with the same seed must repeat the same schedule exactly.
    fileprivate var rank: UInt32 {
        if storedRank == 0 { storedRank = ranks.wrappingAdd(1, ordering: .relaxed).newValue }
        return storedRank
    }
}

private let ranks = Atomic<UInt32>(0)
