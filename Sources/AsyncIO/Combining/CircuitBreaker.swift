/// An object that stops calls to a failing service until the service has had time to recover.
///
/// ```swift
/// let breaker = CircuitBreaker(failures: 5, recovery: .seconds(30))
/// let page = try await breaker.run { try await fetch(url) }
/// ```
///
/// A breaker is initially closed and lets all calls run. After a number of consecutive failures, the breaker opens, and
/// calls immediately throw a ``CircuitOpenError``. After the recovery time, the breaker lets one call run as a trial
/// and still refuses other calls. If the trial succeeds, the breaker closes. If the trial fails, the breaker opens
/// again.
///
/// A cancelled call gives no information about the service, so it counts neither as a success nor as a failure. The
/// same applies to a call that began before the breaker opened.
///
/// asyncio: none; the closest equivalent is the package `aiobreaker`.
public final class CircuitBreaker {
    /// The state of a ``CircuitBreaker``.
    public enum State: Sendable, Hashable {
        /// Calls run.
        case closed
        /// Calls are refused.
        case open
        /// The next call is a trial, or a trial is running.
        case halfOpen
    }

    // Loop thread only.
    private let limit: Int
    private let recovery: Duration
    private let isFailure: (any Error) -> Bool
    @safe @exclusivity(unchecked) private var failures = 0
    /// The time at which a trial is allowed, on the loop's clock, or nil if the breaker is closed.
    @safe @exclusivity(unchecked) private var opensUntil: Int64?
    @safe @exclusivity(unchecked) private var hasTrial = false
    /// The number of times that the breaker has opened or closed. The results of calls that began before the latest
    /// change are ignored.
    @usableFromInline @safe @exclusivity(unchecked) private(set) var generation = 0

    /// Creates a closed breaker.
    ///
    /// - Parameters:
    ///   - failures: The number of consecutive failures after which the breaker opens.
    ///   - recovery: The time for which the breaker stays open before it allows a trial.
    ///   - isFailure: A closure that returns whether an error means that the service has a problem. Calls that fail
    ///     with other errors, such as the rejection of a request, count as successes. By default, every error is a
    ///     failure.
    /// - Precondition: `failures` is at least 1, and `recovery` is positive. For numbers that are known only at run
    ///   time, use ``init(validatingFailures:recovery:isFailure:)``.
    public init(failures: Int, recovery: Duration, isFailure: @escaping (any Error) -> Bool = { _ in true }) {
        if let mistake = Self.mistake(failures, recovery) {
            stop(mistake, instead: "CircuitBreaker(validatingFailures:recovery:isFailure:)")
        }
        limit = failures
        self.recovery = recovery
        self.isFailure = isFailure
    }

    /// Creates a breaker from numbers that are known only at run time; see ``init(failures:recovery:isFailure:)``.
    ///
    /// - Throws: ``ValueError`` if `failures` is less than 1, or `recovery` is not positive.
    public convenience init(
        validatingFailures failures: Int, recovery: Duration,
        isFailure: @escaping (any Error) -> Bool = { _ in true }
    ) throws(ValueError) {
        if let mistake = Self.mistake(failures, recovery) { throw ValueError(mistake) }
        self.init(failures: failures, recovery: recovery, isFailure: isFailure)
    }

    private static func mistake(_ failures: Int, _ recovery: Duration) -> String? {
        if failures < 1 { return "failures must be at least 1, got \(failures)" }
        return recovery > .zero ? nil : "recovery must be positive, got \(recovery)"
    }

    /// The state of the breaker.
    public var state: State {
        guard let opensUntil else { return .closed }
        return EventLoop.required(for: "CircuitBreaker").time < opensUntil ? .open : .halfOpen
    }

    /// Runs `body`, unless the breaker is open.
    ///
    /// - Returns: The value that `body` returns.
    /// - Throws: ``CircuitOpenError`` if the breaker is open or a trial is running; the error that `body` throws,
    ///   including `CancellationError` if the task is cancelled.
    //
    // Inlinable, so that it is specialized in the user's module.
    @inlinable
    public func run<T>(
        _ body: nonisolated(nonsending) () async throws -> T
    ) async throws -> T {
        let isTrial = try begin()
        let begun = generation
        do {
            let value = try await body()
            succeeded(begun)
            return value
        } catch {
            failed(begun, isTrial: isTrial, with: error)
            throw error
        }
    }

    /// Closes the breaker and resets the number of failures.
    public func reset() {
        failures = 0
        if opensUntil != nil { change(to: nil) }
    }

    private func change(to opensUntil: Int64?) {
        self.opensUntil = opensUntil
        // A trial that is still running no longer counts.
        hasTrial = false
        generation += 1
    }

    /// Begins a call. Returns whether the call is a trial.
    @usableFromInline
    func begin() throws -> Bool {
        guard let opensUntil else { return false }
        let now = EventLoop.required(for: "CircuitBreaker").time
        guard now >= opensUntil, !hasTrial else {
            throw CircuitOpenError(retryAfter: .nanoseconds(max(0, opensUntil - now)))
        }
        hasTrial = true
        return true
    }

    @usableFromInline
    func succeeded(_ begun: Int) { if begun == generation { reset() } }

    /// Records the failure of a call that began in the generation `begun`.
    @usableFromInline
    func failed(_ begun: Int, isTrial: Bool, with error: any Error) {
        guard begun == generation else { return }
        if isTrial { hasTrial = false }
        if isCancellation(error) { return }
        guard isFailure(error) else { return reset() }
        failures += 1
        guard failures >= limit || opensUntil != nil else { return }
        change(to: EventLoop.required(for: "CircuitBreaker").time.advanced(by: recovery))
    }
}

/// An error thrown by an open ``CircuitBreaker``.
public struct CircuitOpenError: Error, CustomStringConvertible {
    /// The remaining time for which the breaker stays open, or zero while a trial is running.
    public let retryAfter: Duration

    /// A description of the error.
    public var description: String {
        retryAfter > .zero
            ? "the circuit is open for another \(retryAfter)" : "the circuit is open while a trial is running"
    }
}
