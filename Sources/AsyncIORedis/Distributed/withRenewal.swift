internal import AsyncIO

/// Runs `body`, and renews a lease whenever a third of its time has passed. If the lease is lost, the body is
/// cancelled.
///
/// - Parameters:
///   - key: The name of the lease, for the error.
///   - lease: The time for which the server grants the lease.
///   - start: A time before the server granted the lease.
///   - renew: Renews the lease, and returns whether it is still held.
///   - onLoss: Called if the lease was lost.
///   - body: The work to do while the lease is held.
/// - Throws: ``RedisLeaseLostError`` if the lease was lost, even if `body` returned a value; otherwise the errors of
///   `body`.
func withRenewal<T>(
    of key: String, lasting lease: Duration, since start: ContinuousClock.Instant,
    renew: @escaping () async throws -> Bool, onLoss: () -> Void,
    body: () async throws -> T
) async throws -> T {
    let loop = try EventLoop.running
    // The fraction of the lease after which the body is cancelled. The rest allows for clocks that run at different
    // speeds.
    let usable = lease * 0.95
    var limit: Timeout?
    do {
        // The body has a time limit, which each renewal extends.
        return try await withTimeout(until: start.advanced(by: usable), lateResult: .discard) { timeout in
            limit = timeout
            let renewal = createTask(name: "the lease of \(key)") {
                while true {
                    try await sleep(lease / 3)
                    let start = loop.now
                    do {
                        guard try await renew() else { return try timeout.reschedule(to: loop.now) }
                        try timeout.reschedule(to: start.advanced(by: usable))
                    } catch let error where RedisError.isPassing(error) {
                        // The next attempt can succeed if there is time left.
                    }
                }
            }
            defer { renewal.cancel() }
            return try await body()
        }
    } catch {
        guard limit?.isExpired ?? false else { throw error }
        onLoss()
        throw RedisLeaseLostError(key: key)
    }
}
