/// Returns an asynchronous sequence of instants at regular intervals.
///
/// ```swift
/// for try await _ in ticks(every: .seconds(10)) { try await report() }
/// ```
///
/// The ticks do not drift. Each tick is due one interval after the previous tick was due, regardless of how long the
/// consumer takes. Each tick needs one timer.
///
/// - Parameters:
///   - interval: The time between two ticks. If the interval is not positive, the iteration throws ``ValueError``.
///   - missed: The policy for ticks that became due while the consumer was busy.
///   - startsAtOnce: Whether the first tick is due immediately, as in tokio, instead of after one interval.
///
/// asyncio: none. tokio: `interval`. async-algorithms: `AsyncTimerSequence`.
public func ticks(every interval: Duration, missed: MissedTicks = .burst, startsAtOnce: Bool = false) -> Ticks {
    Ticks(interval: interval, missed: missed, startsAtOnce: startsAtOnce)
}

/// A policy for ticks that became due while the consumer was busy.
///
/// tokio: `MissedTickBehavior`.
public enum MissedTicks: Sendable {
    /// Deliver the missed ticks one after another, without a pause, until the consumer has caught up. Use this policy
    /// if every tick matters, for example, if each tick represents a unit of work.
    case burst
    /// Deliver one of the missed ticks, and continue with the next tick of the original sequence that is not due yet.
    case skip
    /// Deliver one of the missed ticks, and start a new sequence of ticks. The next tick is due one interval after the
    /// missed tick is delivered, so the time between two ticks is never shorter than the interval.
    case delay
}

/// The endless sequence that ``ticks(every:missed:startsAtOnce:)`` returns.
public struct Ticks: AsyncSequence, Sendable {
    /// The instant at which the tick was due, on the loop's clock; see ``EventLoop/now``.
    public typealias Element = ContinuousClock.Instant
    /// The iteration throws an error if the task is cancelled or the interval is not positive.
    public typealias Failure = any Error

    let interval: Duration
    let missed: MissedTicks
    let startsAtOnce: Bool

    /// Returns an iterator. The first interval begins when the iterator is first used.
    public func makeAsyncIterator() -> Iterator { Iterator(ticks: self) }

    /// An iterator over ticks.
    public struct Iterator: AsyncIteratorProtocol {
        let ticks: Ticks
        /// The interval, limited to the longest duration that a timer supports.
        private let interval: Duration
        private var due: ContinuousClock.Instant?

        init(ticks: Ticks) {
            self.ticks = ticks
            interval = Swift.min(ticks.interval, .nanoseconds(Int64.max))
        }

        /// Waits for the next tick. If the tick is already due, this method takes one turn of the loop.
        ///
        /// - Throws: `CancellationError` if the task is cancelled; ``ValueError`` if the interval is not positive.
        public mutating func next() async throws -> ContinuousClock.Instant? {
            guard interval > .zero else { throw ValueError("the interval of ticks must be positive, got \(interval)") }
            let loop = EventLoop.required(for: "ticks")
            let due = due ?? (ticks.startsAtOnce ? loop.now : loop.now.advanced(by: interval))
            self.due = due
            try await sleep(until: due)
            self.due = following(due, now: loop.now)
            return due
        }

        /// Waits for the next tick; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> ContinuousClock.Instant? {
            try await next()
        }

        private func following(_ due: ContinuousClock.Instant, now: ContinuousClock.Instant) -> ContinuousClock.Instant
        {
            switch ticks.missed {
            case .burst: return due.advanced(by: interval)
            case .delay: return now.advanced(by: interval)
            case .skip:
                let passed = (now - due).attoseconds / interval.attoseconds
                return due.advanced(by: Duration(attoseconds: interval.attoseconds * (passed + 1)))
            }
        }
    }
}
