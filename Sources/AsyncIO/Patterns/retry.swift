/// How long to wait between attempts: longer each time.
public struct Backoff: Sendable {
    /// The wait after the first failure.
    public var initial: Duration
    /// What each wait is multiplied with for the next.
    public var factor: Double
    /// No wait is longer.
    public var maximum: Duration
    /// Which part of a wait is random, from 0 (none) to 1 (all of it), so that many who
    /// failed together do not come back together.
    public var jitter: Double

    public init(
        initial: Duration = .seconds(1), factor: Double = 2, maximum: Duration = .seconds(60), jitter: Double = 0
    ) {
        self.initial = initial
        self.factor = factor
        self.maximum = maximum
        self.jitter = jitter
    }

    /// The wait after the failure of the given number, the first being 1.
    public func delay(afterFailure number: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        var delay = initial
        for _ in 1..<max(1, number) {
            // What is no number, or beyond all durations, is too long as well.
            guard abs(delay / maximum * factor) < 1 else {
                delay = maximum
                break
            }
            let next = delay * factor
            if next == delay { break }
            delay = next
        }
        delay = min(delay, maximum)
        guard jitter > 0 else { return delay }
        return delay * (1 - min(jitter, 1) * Double.random(in: 0...1, using: &generator))
    }
}

/// Runs `body` until it succeeds, `attempts` times at most, waiting in between.
///
/// A cancellation is never retried: it ends the whole.
///
/// ```swift
/// let page = try await retry(attempts: 3, when: { $0 is OSError }) { try await fetch(url) }
/// ```
///
/// - Parameters:
///   - backoff: how long to wait after each failure.
///   - shouldRetry: whether an error is worth another attempt; all are if it is not given.
/// - Throws: the last error; ``ValueError`` if `attempts` is less than 1;
///   `CancellationError`.
public func retry<T>(
    attempts: Int, backoff: Backoff = Backoff(), isolation: isolated (any Actor)? = #isolation,
    when shouldRetry: (any Error) -> Bool = { _ in true }, _ body: () async throws -> T
) async throws -> T {
    guard attempts >= 1 else { throw ValueError("retry() needs at least one attempt, not \(attempts)") }
    var generator = SystemRandomNumberGenerator()
    var attempt = 1
    while true {
        do {
            return try await body()
        } catch let error where isCancellation(error) {
            throw CancellationError()
        } catch {
            guard attempt < attempts, shouldRetry(error) else { throw error }
        }
        try await sleep(backoff.delay(afterFailure: attempt, using: &generator))
        attempt += 1
    }
}
