public import AsyncIO

/// An election that makes one of several programs the leader.
///
/// ```swift
/// let election = RedisElection(redis, "scheduler", name: hostName)
/// try await election.lead { lease in
///     // This program is the leader now.
///     try await runSchedule()
/// }
/// ```
///
/// The leader holds a ``RedisLock``. If the leader dies, another candidate becomes the leader when the lease has ended.
/// The lock's limitations apply. A leader that was stopped can continue for a moment after it has lost the lease. After
/// a failover of the server, there can be two leaders until the leases are renewed. Pass the
/// ``RedisLease/fencingToken`` with each action that the leader performs.
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
    ///   - key: The key, which all candidates must use.
    ///   - name: The name of this candidate, which ``leader()`` returns.
    ///   - lease: The time after which a dead leader is replaced.
    /// - Precondition: `lease` is at least 10 ms. For a duration that is known only at run time, use
    ///   ``init(validating:_:name:lease:)``.
    public init(_ redis: RedisClient, _ key: String, name: String, lease: Duration = .seconds(15)) {
        lock = RedisLock(redis, key, lease: lease, name: name)
        backoff = redis.configuration.backoff
    }

    /// Creates a candidate with a lease duration that is known only at run time; see ``init(_:_:name:lease:)``.
    ///
    /// - Throws: `ValueError` if `lease` is less than 10 ms.
    public init(validating redis: RedisClient, _ key: String, name: String, lease: Duration) throws(ValueError) {
        lock = try RedisLock(validating: redis, key, lease: lease, name: name)
        backoff = redis.configuration.backoff
    }

    /// Waits until this candidate is the leader, and then runs `body`. If the lease is lost, `body` is cancelled, and
    /// the candidate waits again. The candidate also waits while the server cannot be reached, or is not the master.
    ///
    /// - Parameter body: The work of the leader. When the closure returns or throws an error, another candidate can
    ///   become the leader.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; ``RedisError`` if the server rejects the command; `CancellationError` if the
    ///   task is cancelled.
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
            } catch let error as RedisLeaseLostError where error.key == lock.key {
                failures = 0
            } catch let error where !isLeader && !lock.isClosed && RedisError.isPassing(error) {
                failures += 1
                try await sleep(backoff.delay(afterFailure: failures, using: &generator))
            }
        }
    }

    /// Returns the name of the leader, or `nil` if there is currently no leader.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func leader() async throws -> String? { try await lock.holder() }
}
