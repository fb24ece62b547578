public import AsyncIO

/// A semaphore whose places are shared by programs on any number of machines.
///
/// ```swift
/// let downloads = RedisSemaphore(redis, "downloads", limit: 10)
/// try await downloads.withPlace { _ in try await download(url) }
/// ```
///
/// Like a ``RedisLock``, each place is a lease, and the same limitations apply. If a holder is stopped for longer than
/// its lease, the number of holders can exceed the limit for a moment. Places can be lost in a failover. Tasks get
/// places in no particular order. Leases are measured by the server's clock, so the clocks of the machines do not have
/// to agree. If the server's clock jumps ahead, leases end early.
///
/// redis-py: none.
public final class RedisSemaphore {
    // Loop thread only.
    private let redis: RedisClient
    private let fence: String

    /// The key of the semaphore.
    public let key: String
    /// The number of places.
    public let limit: Int
    /// The time for which the server gives a place to a holder that does not renew it.
    public let lease: Duration

    /// Creates a semaphore.
    ///
    /// - Parameters:
    ///   - redis: The client.
    ///   - key: The key, which all programs that share the semaphore must use.
    ///   - limit: The number of places, which must be the same in all programs.
    ///   - lease: The time for which the server gives a place to a holder that does not renew it.
    /// - Precondition: `limit` is at least 1, and `lease` is at least 10 ms. For numbers that are known only at run
    ///   time, use ``init(validating:_:limit:lease:)``.
    public init(_ redis: RedisClient, _ key: String, limit: Int, lease: Duration = .seconds(30)) {
        precondition(limit >= 1, "limit must be at least 1, got \(limit)")
        precondition(lease >= .milliseconds(10), "lease must be at least 10 ms, got \(lease)")
        self.redis = redis
        self.key = key
        self.limit = limit
        self.lease = lease
        fence = RedisLock.companion(of: key, "fence")
    }

    /// Creates a semaphore with numbers that are known only at run time; see ``init(_:_:limit:lease:)``.
    ///
    /// - Throws: `ValueError` if `limit` is less than 1, or `lease` is less than 10 ms.
    public convenience init(
        validating redis: RedisClient, _ key: String, limit: Int, lease: Duration = .seconds(30)
    ) throws(ValueError) {
        guard limit >= 1 else { throw ValueError("limit must be at least 1, got \(limit)") }
        guard lease >= .milliseconds(10) else { throw ValueError("lease must be at least 10 ms, got \(lease)") }
        self.init(redis, key, limit: limit, lease: lease)
    }

    /// Waits for a place, runs `body` while the place is held, and gives the place back.
    ///
    /// - Parameter body: A closure that receives the lease. The body is cancelled if the lease is lost.
    /// - Returns: The value that `body` returns.
    /// - Throws: ``RedisLeaseLostError`` if the lease was lost before `body` ended; the errors of `body` and of
    ///   ``RedisClient/send(_:)-(RedisCommand)``; `CancellationError` if the task is cancelled. In each case, the
    ///   place is given back, or expires.
    @discardableResult
    public func withPlace<T>(_ body: nonisolated(nonsending) (RedisLease) async throws -> T) async throws -> T {
        guard let value = try await run(timeout: nil, body) else { throw CancellationError() }
        return value
    }

    /// Runs `body` with a place, if a place is available within `timeout`.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait, even if the server does not answer. If the timeout is zero, the method makes one
    ///     attempt, to which the time limit of a command applies.
    ///   - body: A closure that receives the lease. The body is cancelled if the lease is lost.
    /// - Returns: The value that `body` returns, or `nil` if no place was available in time. If the server grants a
    ///   place later, the client gives the place back.
    /// - Throws: The same errors as ``withPlace(_:)``.
    public func withPlace<T>(
        waitingAtMost timeout: Duration, _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T? { try await run(timeout: timeout, body) }

    /// Returns the number of places that are taken.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func usedCount() async throws -> Int {
        try await redis.run(Self.count, keys: [key], arguments: []).integer
    }

    private func run<T>(
        timeout: Duration?, _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T? {
        let keeper = LeaseKeeper(
            redis: redis, key: key, fence: fence, lease: lease, owner: randomID(), scripts: Self.scripts,
            limits: [limit])
        return try await keeper.run(timeout: timeout, body)
    }

    /// Sets `now` to the server's time in milliseconds, and removes the places whose leases have ended.
    private static let clean = """
        local clock = redis.call("TIME")
        local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
        redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)

        """
    private static let scripts = LeaseScripts(take: take, renew: renew, giveBack: giveBack)
    private static let take = RedisScript(
        clean + """
            if redis.call("ZSCORE", KEYS[1], ARGV[1]) or redis.call("ZCARD", KEYS[1]) < tonumber(ARGV[3]) then
                redis.call("ZADD", KEYS[1], now + ARGV[2], ARGV[1])
                redis.call("PEXPIRE", KEYS[1], ARGV[2] * 2)
                return {1, redis.call("INCR", KEYS[2])}
            end
            local first = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")
            return {0, first[2] - now}
            """)
    private static let renew = RedisScript(
        clean + """
            if not redis.call("ZSCORE", KEYS[1], ARGV[1]) then return 0 end
            redis.call("ZADD", KEYS[1], now + ARGV[2], ARGV[1])
            redis.call("PEXPIRE", KEYS[1], ARGV[2] * 2)
            return 1
            """)
    private static let giveBack = RedisScript(
        """
        if redis.call("ZREM", KEYS[1], ARGV[1]) == 0 then return 0 end
        redis.call("PUBLISH", ARGV[2], "")
        return 1
        """)
    private static let count = RedisScript(clean + "return redis.call(\"ZCARD\", KEYS[1])")
}
