internal import AsyncIOSystem

// Inside the loop, time is measured in whole nanoseconds since the epoch of ContinuousClock. Therefore, equal deadlines
// compare as equal, and no precision is lost, no matter how long the machine has been running.

extension Int64 {
    /// Returns this time plus `duration`, rounded up to a whole nanosecond so that no timer fires early. The sum
    /// saturates, so a deadline that is too far away is never reached.
    func advanced(by duration: Duration) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(duration.roundedUpNanoseconds)
        return overflow ? (duration < .zero ? .min : .max) : sum
    }
}

extension Duration {
    /// The duration in whole nanoseconds, rounded up and saturated. The lower bound is half of the minimum integer, so
    /// that a current time can be subtracted from the result.
    @inline(__always)
    package var roundedUpNanoseconds: Int64 {
        // Up to 18 seconds in attoseconds fit into one word, which can be divided quickly.
        let attoseconds = attoseconds
        if let few = UInt64(exactly: attoseconds) {
            let (nanoseconds, rest) = few.quotientAndRemainder(dividingBy: 1_000_000_000)
            return Int64(nanoseconds) + (rest > 0 ? 1 : 0)
        }
        return Self.roundUp(attoseconds)
    }

    @inline(never)
    private static func roundUp(_ attoseconds: Int128) -> Int64 {
        let (nanoseconds, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return max(Int64(clamping: nanoseconds + (rest > 0 ? 1 : 0)), .min / 2)
    }
}

extension ContinuousClock.Instant {
    init(loopTime: Int64) {
        self = ContinuousClock().systemEpoch.advanced(by: .nanoseconds(loopTime))
    }

    var loopTime: Int64 {
        ContinuousClock().systemEpoch.duration(to: self).roundedUpNanoseconds
    }
}

/// The deadline of a sleep that does not belong to this library, such as `Task.sleep`.
enum SleepTarget: Sendable {
    case after(Int64)
    /// A time in nanoseconds on the thread's clock.
    case at(Int64)

    /// Returns the deadline on the loop's clock.
    ///
    /// - Parameter isForeign: Whether the sleep comes from another thread.
    func deadline(on loop: EventLoop, isForeign: Bool = false) -> Int64 {
        switch self {
        case .after(let nanoseconds):
            let (sum, overflow) = loop.time.addingReportingOverflow(nanoseconds)
            return overflow ? .max : sum
        case .at(let instant):
            guard isForeign, loop.virtualNow != nil else { return instant }
            // Other threads run in real time, so the loop uses the time that remains on their clock.
            return SleepTarget.after(max(0, instant - SystemClock.now())).deadline(on: loop)
        }
    }
}
