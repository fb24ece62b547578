public import AsyncIO

/// A lock that programs on any number of machines share.
///
/// ```swift
/// let lock = RedisLock(redis, "reports")
/// try await lock.withLock { lease in
///     try await store.write(report, token: lease.fencingToken)
/// }
/// ```
///
/// The lock is a lease. The server gives the lease to one holder for a limited time, and the holder renews it in the
/// background. If the holder dies, another task gets the lock when the lease has ended. If the holder is alive but
/// cannot reach the server in time, its body is cancelled.
///
/// The lock does not guarantee:
///
/// - **Exclusion at every moment.** If a holder's machine or loop is stopped for longer than the lease, the holder can
///   continue for a moment afterward, before it is cancelled. If this can do harm, make the store check the
///   ``RedisLease/fencingToken``.
/// - **Exclusion across a failover.** Replication is asynchronous. If the master fails before the lock is replicated,
///   another task can get the lock, and the next fencing token can be a token that was already used.
/// - **Order.** Waiting tasks get the lock in no particular order.
///
/// The lock is not reentrant. In a cluster, all keys of the lock are in the same slot.
///
/// redis-py: `Lock`.
public final class RedisLock {
    // Loop thread only.
    private let redis: RedisClient
    private let fence: String

    /// The key of the lock.
    public let key: String
    /// The time for which the server gives the lock to a holder that does not renew it.
    public let lease: Duration
    /// The name of the holder, which ``holder()`` returns while this object holds the lock. It is empty if the holder
    /// has no name.
    public let name: String

    /// Creates a lock.
    ///
    /// - Parameters:
    ///   - redis: The client.
    ///   - key: The key, which all programs that share the lock must use.
    ///   - lease: The time for which the server gives the lock to a holder that does not renew it. The lock is renewed
    ///     whenever a third of this time has passed. With a short lease, the lock is available sooner after its holder
    ///     dies, but the lease can be lost if the network is slow.
    ///   - name: The name of the holder, which ``holder()`` returns.
    /// - Precondition: `lease` is at least 10 ms. For a duration that is known only at run time, use
    ///   ``init(validating:_:lease:name:)``.
    public init(_ redis: RedisClient, _ key: String, lease: Duration = .seconds(30), name: String? = nil) {
        precondition(lease >= .milliseconds(10), "lease must be at least 10 ms, got \(lease)")
        self.redis = redis
        self.key = key
        self.lease = lease
        self.name = name ?? ""
        fence = Self.companion(of: key, "fence")
    }

    /// Creates a lock with a lease duration that is known only at run time; see ``init(_:_:lease:name:)``.
    ///
    /// - Throws: `ValueError` if `lease` is less than 10 ms.
    public convenience init(
        validating redis: RedisClient, _ key: String, lease: Duration, name: String? = nil
    ) throws(ValueError) {
        guard lease >= .milliseconds(10) else { throw ValueError("lease must be at least 10 ms, got \(lease)") }
        self.init(redis, key, lease: lease, name: name)
    }

    /// Whether the client is closed.
    var isClosed: Bool { redis.isClosed }

    /// Returns a related key, which is in the same slot of a cluster.
    static func companion(of key: String, _ suffix: String) -> String {
        key.utf8.contains(0x7B) ? "\(key):\(suffix)" : "{\(key)}:\(suffix)"
    }

    /// Waits for the lock, runs `body` while the lock is held, and releases the lock.
    ///
    /// - Parameter body: A closure that receives the lease. The body is cancelled if the lease is lost.
    /// - Returns: The value that `body` returns.
    /// - Throws: ``RedisLeaseLostError`` if the lease was lost before `body` ended, even if `body` returned a value;
    ///   the errors of `body` and of ``RedisClient/send(_:)-(RedisCommand)``; `CancellationError` if the task is
    ///   cancelled. In each case, the lock is released, or expires.
    ///
    /// redis-py: `async with lock`.
    @discardableResult
    public func withLock<T>(_ body: nonisolated(nonsending) (RedisLease) async throws -> T) async throws -> T {
        guard let value = try await run(timeout: nil, body) else { throw CancellationError() }
        return value
    }

    /// Runs `body` with the lock, if the lock can be acquired within `timeout`.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait, even if the server does not answer. If the timeout is zero, the method makes one
    ///     attempt, to which the time limit of a command applies.
    ///   - body: A closure that receives the lease. The body is cancelled if the lease is lost.
    /// - Returns: The value that `body` returns, or `nil` if the lock could not be acquired in time. If the server
    ///   grants the lock later, the client gives the lock back.
    /// - Throws: The same errors as ``withLock(_:)``.
    ///
    /// redis-py: `Lock(blocking_timeout=…)`.
    public func withLock<T>(
        waitingAtMost timeout: Duration, _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T? { try await run(timeout: timeout, body) }

    /// Returns the name of the holder, or `nil` if the lock is free.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func holder() async throws -> String? {
        guard let value = try await redis.get(key)?.string else { return nil }
        // In the value, the name follows the token.
        return value.firstIndex(of: " ").map { String(value[value.index(after: $0)...]) } ?? ""
    }

    private func run<T>(
        timeout: Duration?, _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T? {
        let keeper = LeaseKeeper(
            redis: redis, key: key, fence: fence, lease: lease, owner: "\(randomID()) \(name)", scripts: Self.scripts)
        return try await keeper.run(timeout: timeout, body)
    }

    private static let scripts = LeaseScripts(take: take, renew: renew, giveBack: giveBack)
    private static let take = RedisScript(
        """
        local owner = redis.call("GET", KEYS[1])
        if not owner or owner == ARGV[1] then
            redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
            return {1, redis.call("INCR", KEYS[2])}
        end
        return {0, redis.call("PTTL", KEYS[1])}
        """)
    private static let renew = RedisScript(
        """
        if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
        return redis.call("PEXPIRE", KEYS[1], ARGV[2])
        """)
    private static let giveBack = RedisScript(
        """
        if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
        redis.call("DEL", KEYS[1])
        redis.call("PUBLISH", ARGV[2], "")
        return 1
        """)
}
