public import AsyncIO

/// A limit on the combined rate of calls from programs on any number of machines.
///
/// ```swift
/// let limiter = try RedisRateLimiter(redis, "api", rate: 100, per: .seconds(1))
/// try await limiter.acquire()
/// try await callService()
/// ```
///
/// Calls are evenly spaced, but after a pause, a burst of calls is allowed. Each decision is made atomically on the
/// server, based on the server's clock. If the latest decisions are lost in a failover, or if the clock jumps, the
/// limit can be exceeded for a moment. Waiting tasks get permission in no particular order.
///
/// redis-py: none. The algorithm is GCRA, as in `redis-cell`.
public final class RedisRateLimiter {
    // Loop thread only.
    private let redis: RedisClient
    private let interval: Duration

    /// The key of the limiter.
    public let key: String
    /// The number of calls that are allowed at once after a pause.
    public let burst: Int

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - redis: The client.
    ///   - key: The key, which all programs that share the limit must use.
    ///   - rate: The number of calls that are allowed in each period, which must be the same in all programs.
    ///   - period: The period.
    ///   - burst: The number of calls that are allowed at once after a pause, or `nil` for `rate`.
    /// - Throws: `ValueError` if a number is not positive, or the rate is more than one call per microsecond.
    public init(
        _ redis: RedisClient, _ key: String, rate: Int, per period: Duration, burst: Int? = nil
    ) throws(ValueError) {
        guard rate > 0 else { throw ValueError("rate must be positive, got \(rate)") }
        guard period > .zero else { throw ValueError("period must be positive, got \(period)") }
        let burst = burst ?? rate
        guard burst > 0 else { throw ValueError("burst must be positive, got \(burst)") }
        interval = period / rate
        guard interval >= .microseconds(1) else {
            throw ValueError("at most one call per microsecond is possible, got \(rate) per \(period)")
        }
        self.redis = redis
        self.key = key
        self.burst = burst
    }

    /// Asks for permission, without waiting.
    ///
    /// - Returns: `nil` if the call is allowed; otherwise, the time after which to ask again.
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``.
    public func tryAcquire() async throws -> Duration? {
        let wait = try await redis.run(
            Self.script, keys: [key], arguments: [Int((interval / .microseconds(1)).rounded(.up)), burst]
        ).integer
        return wait == 0 ? nil : .microseconds(wait)
    }

    /// Waits for permission.
    ///
    /// - Throws: The same errors as ``RedisClient/send(_:)-(RedisCommand)``, including `CancellationError` if the task
    ///   is cancelled. If the server had already given permission when the task was cancelled, this permission counts
    ///   as used.
    public func acquire() async throws {
        guard let wait = try await tryAcquire() else { return }
        try await sleep(wait)
        while let wait = try await tryAcquire() {
            // Several tasks asked at the same time, and only one of them got permission. The others should not all ask
            // again at once.
            try await sleep(wait + interval * Double.random(in: 0...1))
        }
    }

    // The key stores the time at which the allowed calls would end if they were evenly spaced.
    private static let script = RedisScript(
        """
        local clock = redis.call("TIME")
        local now = clock[1] * 1000000 + clock[2]
        local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
        local last = math.max(tonumber(redis.call("GET", KEYS[1]) or now), now)
        local wait = last + interval - burst * interval - now
        if wait > 0 then return math.ceil(wait) end
        redis.call("SET", KEYS[1], string.format("%.0f", last + interval), "PX", math.ceil((last + interval - now) / 1000) + 1)
        return 0
        """)
}
