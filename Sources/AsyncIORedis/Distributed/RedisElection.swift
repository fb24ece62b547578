internal import AsyncIO

/// Lets one of several programs be the leader.
///
/// ```swift
/// let election = RedisElection(redis, "scheduler", name: hostName)
/// try await election.lead { lease in
///     // This program is the leader now.
///     try await runSchedule()
/// }
/// ```
///
/// The leader has a ``RedisLock``. If it dies, another candidate leads as soon as the lease has ended. The limits of the
/// lock apply: a leader that stands still can believe for a moment that it still leads, and a failover of the server can
/// make two leaders until the leases are renewed. Pass the ``RedisLease/fencingToken`` with what the leader does.
///
/// redis-py: none.
public final class RedisElection {
    // Loop thread only.
    private let lock: RedisLock
    private let backoff: Backoff

    /// The name of this candidate.
    public var name: String { lock.name }

    /// Creates a candidate.
    ///
    /// - Parameters:
    ///   - redis: The client.
    ///   - key: The key, the same for all candidates.
    ///   - name: The name of this candidate, for ``leader()``.
    ///   - lease: For how long a leader that dies is still the leader.
    /// - Precondition: `lease` is at least 10 ms.
    public init(_ redis: RedisClient, _ key: String, name: String, lease: Duration = .seconds(15)) {
        lock = RedisLock(redis, key, lease: lease, name: name)
        backoff = redis.configuration.backoff
    }

    /// Waits until this candidate is the leader, and runs `body`. If the lease is lost, `body` is cancelled, and the
    /// candidate waits again. While the server cannot be reached, the candidate waits too.
    ///
    /// - Parameter body: What the leader does. When it returns or throws an error, another candidate can lead.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; ``RedisError`` if the server refuses; `CancellationError` if the task is cancelled.
    @discardableResult
    public func lead<T>(_ body: nonisolated(nonsending) (RedisLease) async throws -> T) async throws -> T {
        var generator = SystemRandomNumberGenerator()
        var failures = 0
        while true {
            var isLeader = false
            do {
                return try await lock.withLock { lease in
                    isLeader = true
                    return try await body(lease)
                }
            } catch is RedisLeaseLostError {
                failures = 0
            } catch let error where !isLeader && !lock.isClosed && RedisNode.passes(error) {
                failures += 1
                try await sleep(backoff.delay(afterFailure: failures, using: &generator))
            }
        }
    }

    /// Returns the name of the leader, or `nil` if there is none now.
    ///
    /// - Throws: The errors of sending.
    public func leader() async throws -> String? { try await lock.holder() }
}
