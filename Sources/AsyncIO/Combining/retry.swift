/// A description of the delays between attempts. Usually, each delay is longer than the previous one.
public struct Backoff: Sendable {
    /// The delay after the first failure.
    public var initial: Duration
    /// The factor by which each delay is multiplied to get the next delay.
    public var factor: Double
    /// The maximum delay.
    public var maximum: Duration
    /// The random fraction of each delay, from 0 (no random part) to 1 (completely random). With jitter, clients that
    /// failed at the same time do not retry at the same time.
    public var jitter: Double

    /// Creates a backoff.
    ///
    /// - Parameters:
    ///   - initial: The delay after the first failure.
    ///   - factor: The factor by which each delay is multiplied to get the next delay.
    ///   - maximum: The maximum delay.
    ///   - jitter: The random fraction of each delay, from 0 to 1.
    public init(
        initial: Duration = .seconds(1), factor: Double = 2, maximum: Duration = .seconds(60), jitter: Double = 0
    ) {
        self.initial = initial
        self.factor = factor
        self.maximum = maximum
        self.jitter = jitter
    }

    /// Returns the delay after the failure with the given number. The first failure has the number 1.
    ///
    /// - Complexity: O(*n*), where *n* is `number` or the number of failures until the delay reaches its maximum,
    ///   whichever is smaller.
    public func delay(afterFailure number: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        var delay = initial
        for _ in 1..<max(1, number) {
            // A delay that is not a number or too long for a duration is also beyond the maximum.
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

/// Runs `body` until it succeeds, but at most `attempts` times, and waits between the attempts.
///
/// ```swift
/// let page = try await retry(attempts: 3, when: { $0 is OSError }) { try await fetch(url) }
/// ```
///
/// The function does not retry after a cancellation.
///
/// - Parameters:
///   - attempts: The maximum number of attempts.
///   - backoff: The delays between the attempts.
///   - shouldRetry: A closure that returns whether to make another attempt after an error. By default, the function
///     retries after every error.
///   - body: The work to perform. It may run several times.
/// - Returns: The value that `body` returns.
/// - Throws: The error of the last attempt; ``ValueError`` if `attempts` is less than 1;
///   `CancellationError` if the task is cancelled.
public func retry<T>(
    attempts: Int, backoff: Backoff = Backoff(), isolation: isolated (any Actor)? = #isolation,
    when shouldRetry: (any Error) -> Bool = { _ in true }, _ body: () async throws -> T
) async throws -> T {
    guard attempts >= 1 else { throw ValueError("attempts must be at least 1, got \(attempts)") }
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
