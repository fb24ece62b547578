import AsyncIO

extension Short {
    /// Returns a function that calls a service: at most `perSecond` times a second, after a pause up to `burst` times at
    /// once, and not for `recovery` after `failures` failures in a row. If an answer takes longer than `patience`, the
    /// service is asked a second time, and the first answer counts.
    static func calls(
        perSecond: Int, burst: Int, failures: Int, recovery: Duration, patience: Duration,
        _ ask: @escaping (String) async throws -> String
    ) -> (String) async throws -> String {
        let limiter = RateLimiter(perSecond, per: .seconds(1), burst: burst)
        let breaker = CircuitBreaker(failures: failures, recovery: recovery)
        return { question in
            try await breaker.run {
                try await hedged(after: patience) {
                    try await limiter.acquire()
                    return try await ask(question)
                }
            }
        }
    }
}
