internal import AsyncIOSystem

extension Schedule {
    /// An asynchronous sequence of the schedule's times, beginning with the next time. Each element is delivered when
    /// it is due.
    ///
    /// Times that pass while the consumer is busy are skipped. If a call to the iterator's `next()` method is cancelled
    /// while it waits for a time, that time is not skipped, and the next call returns it. If the system clock is
    /// changed, the sequence adapts within a minute. In virtual time, the sequence follows the virtual clock.
    ///
    /// ```swift
    /// for try await date in try Schedule("0 9 * * mon-fri").times { try await sendReport(of: date) }
    /// ```
    public var times: Times { Times(schedule: self) }

    /// The times of a ``Schedule``.
    public struct Times: AsyncSequence, Sendable {
        /// The scheduled time, as a duration since 1 January 1970 at 00:00 UTC.
        public typealias Element = Duration
        /// The iteration throws an error if the task is cancelled.
        public typealias Failure = any Error

        let schedule: Schedule

        /// Returns an iterator that waits for the times of the schedule.
        public func makeAsyncIterator() -> Iterator { Iterator(schedule: schedule) }

        /// An iterator that waits for the times of a schedule.
        public struct Iterator: AsyncIteratorProtocol {
            let schedule: Schedule
            private var last = Duration.zero
            /// The time that the current call is waiting for, or that a cancelled call was waiting for.
            private var due: Duration?

            init(schedule: Schedule) { self.schedule = schedule }

            /// Waits for the next scheduled time.
            ///
            /// - Returns: The time that is due, or `nil` if no time is due in the next nine years.
            /// - Throws: `CancellationError` if the task is cancelled.
            public mutating func next() async throws -> Duration? {
                let now = Calendar.now()
                let passed = due.flatMap { $0 <= now ? $0 : nil }
                // The next time is after the last one, even if the clock was set back.
                guard let time = passed ?? schedule.next(after: Swift.max(last, now)) else { return nil }
                due = time
                while case let left = time - Calendar.now(), left > .zero {
                    // The clock may be changed in the meantime.
                    try await sleep(Swift.min(left, .seconds(60)))
                }
                (last, due) = (time, nil)
                return time
            }

            /// Waits for the next scheduled time; see ``next()``.
            ///
            /// - Throws: `CancellationError` if the task is cancelled.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Duration? {
                try await next()
            }
        }
    }
}
