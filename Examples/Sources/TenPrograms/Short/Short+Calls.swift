import AsyncIO

extension Short {
    /// Returns a function that calls a service at most `perSecond` times a second and, after a pause, up to `burst`
    /// times at once. After `failures` consecutive failures, it makes no calls for `recovery`. If an answer takes
    /// longer than `patience`, the service is called a second time, and the first answer to arrive is used.
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
