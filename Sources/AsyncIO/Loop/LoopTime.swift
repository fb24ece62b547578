internal import AsyncIOSystem

// Inside the loop, time is whole nanoseconds since the epoch of ContinuousClock:
// equal deadlines are equal, and nothing is lost however long the machine is up.

extension Int64 {
    /// This time plus `duration`, rounded up to a nanosecond so that no timer is
    /// early, and saturating: a deadline too far to be told is never reached.
    func advanced(by duration: Duration) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(duration.roundedUpNanoseconds)
        return overflow ? (duration < .zero ? .min : .max) : sum
    }
}

extension Duration {
    /// Whole nanoseconds, rounded up, saturating.
    var roundedUpNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let fraction = attoseconds >= 0 ? (attoseconds + 999_999_999) / 1_000_000_000 : attoseconds / 1_000_000_000
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = whole.addingReportingOverflow(fraction)
        return overflowed ? (seconds < 0 ? .min : .max) : sum
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

/// When a foreign sleep ends, as its clock told it.
enum SleepTarget: Sendable {
    case after(Int64)
    /// Nanoseconds on the machine's clock.
    case at(Int64)

    func deadline(on loop: EventLoop) -> Int64 {
        switch self {
        case .after(let nanoseconds):
            let (sum, overflow) = loop.time.addingReportingOverflow(nanoseconds)
            return overflow ? .max : sum
        case .at(let instant):
            // A loop in virtual time keeps the distance to the present.
            guard loop.virtualNow != nil else { return instant }
            let distance = max(0, instant - ContinuousClock().now.loopTime)
            return SleepTarget.after(Self.asMeant(distance, within: loop.timeSinceLastTurn)).deadline(on: loop)
        }
    }

    /// `Task.sleep(for:)` adds its duration to the machine's clock and tells the sum, from
    /// which real time has gone by since, for a hop of a turn at most. Virtual time has to be
    /// the same in every run, so this takes the roundest duration that may have been meant.
    private static func asMeant(_ distance: Int64, within spent: Int64) -> Int64 {
        let tolerance = min(spent, max(500_000, distance / 1_000))
        var unit: Int64 = 1_000_000_000
        while unit >= 1_000 {
            let rounded = (distance + unit - 1) / unit * unit
            if rounded - distance <= tolerance { return rounded }
            unit /= 10
        }
        return distance
    }
}
