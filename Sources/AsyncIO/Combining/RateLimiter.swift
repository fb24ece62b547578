/// An object that limits the rate of operations.
///
/// ```swift
/// let limiter = RateLimiter(100, per: .seconds(1), burst: 20)
/// try await limiter.acquire()
/// let answer = try await client.get(url)
/// ```
///
/// The limiter is a *token bucket*. The bucket holds up to `burst` permits. It is initially full, and is refilled with
/// `count` permits per period. After a pause, up to `burst` operations can run without waiting. With a burst of 1, the
/// limiter is a *leaky bucket*: operations are spaced evenly, and no permits are saved up during a pause.
///
/// Waiting tasks are served in FIFO order. A task that is cancelled while it waits takes no permits. The limiter does
/// not create tasks, and needs a timer only for the first waiting task.
///
/// asyncio: none; the closest equivalent is the package `aiolimiter`. Rust: `governor`. Go: `x/time/rate`.
public final class RateLimiter {
    // Loop thread only. A single time represents the number of permits: the time at which the bucket will be full.
    // Times are in nanoseconds on the loop's clock.
    private let interval: Int64
    private var fullAt = Int64.min
    /// The lock that the first waiting task holds, so that the other tasks wait in line.
    private let turn = Lock()

    /// The maximum number of permits that can be taken at once.
    public let burst: Int

    /// Creates a full token bucket.
    ///
    /// - Parameters:
    ///   - count: The number of permits in each period.
    ///   - period: The length of a period.
    ///   - burst: The maximum number of permits that can be saved up, or `nil` to use `count`. If the burst is 1, the
    ///     limiter is a leaky bucket.
    /// - Precondition: The numbers are positive, and an empty bucket takes less than 30 years to refill. For numbers
    ///   that are known only at run time, use ``init(validating:per:burst:)``.
    public init(_ count: Int, per period: Duration, burst: Int? = nil) {
        if let mistake = Self.mistake(count, period, burst) {
            stop(mistake, instead: "RateLimiter(validating:per:burst:)")
        }
        // The interval is in whole nanoseconds, so that timers and permits agree. It is rounded up, so that the limiter
        // is not too fast.
        interval = (period / count).roundedUpNanoseconds
        self.burst = burst ?? count
    }

    /// Creates a token bucket from numbers that are known only at run time; see ``init(_:per:burst:)``.
    ///
    /// - Throws: ``ValueError`` if one of the numbers is not positive, or if an empty bucket takes more than 30 years
    ///   to refill.
    public convenience init(validating count: Int, per period: Duration, burst: Int? = nil) throws(ValueError) {
        if let mistake = Self.mistake(count, period, burst) { throw ValueError(mistake) }
        self.init(count, per: period, burst: burst)
    }

    private static func mistake(_ count: Int, _ period: Duration, _ burst: Int?) -> String? {
        if count < 1 { return "count must be positive, got \(count)" }
        if period <= .zero { return "period must be positive, got \(period)" }
        if let burst, burst < 1 { return "burst must be positive, got \(burst)" }
        // Times of the loop's clock are counted in nanoseconds.
        let burst = burst ?? count
        let refill = Double((period / count).roundedUpNanoseconds) * Double(burst)
        if refill > 1e18 { return "a burst of \(burst) takes more than 30 years to refill; it must be smaller" }
        return nil
    }

    /// The number of permits that can be taken now.
    public var available: Int {
        let now = EventLoop.required(for: "RateLimiter").time
        guard fullAt > now else { return burst }
        return max(0, burst - Int((fullAt - now + interval - 1) / interval))
    }

    /// Takes permits, and waits for them if necessary. If enough permits are available and no other task is waiting,
    /// this method does not suspend.
    ///
    /// - Parameter count: The number of permits. All of them are taken at the same time.
    /// - Throws: ``ValueError`` if `count` is less than 1 or more than ``burst``; `CancellationError` if the task is
    ///   cancelled while it waits. In these cases, no permits are taken.
    public func acquire(_ count: Int = 1) async throws {
        try check(count)
        if !turn.isTaken, take(count) == nil { return }
        try await turn.withLock {
            while let time = take(count) { try await sleep(untilLoopTime: time) }
        }
    }

    /// Takes permits if enough permits are available and no other task is waiting.
    ///
    /// - Parameter count: The number of permits.
    /// - Returns: Whether the permits were taken.
    /// - Throws: ``ValueError`` if `count` is less than 1 or more than ``burst``.
    public func tryAcquire(_ count: Int = 1) throws(ValueError) -> Bool {
        try check(count)
        return !turn.isTaken && take(count) == nil
    }

    private func check(_ count: Int) throws(ValueError) {
        guard (1...burst).contains(count) else {
            throw ValueError("a RateLimiter with a burst of \(burst) cannot give \(count) permits at once")
        }
    }

    /// Takes permits, or returns the time at which enough permits will be available.
    private func take(_ count: Int) -> Int64? {
        let now = EventLoop.required(for: "RateLimiter").time
        let full = max(fullAt, now) + interval * Int64(count)
        let ready = full - interval * Int64(burst)
        if ready > now { return ready }
        fullAt = full
        return nil
    }
}
