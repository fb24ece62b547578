internal import AsyncIOSystem

/// What a loop in virtual time knows about the intended length of a foreign sleep.
///
/// `Task.sleep(for:)` adds its duration to the machine's clock and passes the sum to the loop, but virtual
/// time has to be the same in every run. The sum was computed by the entry that runs now or, since such a
/// call hops, by the entry that enqueued it. The times at which those ran are known to the microsecond, so
/// the duration is within narrow bounds. The roundest value within them is used.
struct SleepBounds {
    /// When the current entry began.
    private var began: Int64 = 0
    /// The period in which the entry ran that enqueued the current one, up to that moment.
    private var before: ClosedRange<Int64>?
    /// The same for jobs that wait in the queue, by their addresses.
    private var jobs: [UInt: ClosedRange<Int64>] = [:]

    mutating func enqueues(_ job: UnownedJob) {
        jobs[Self.address(job)] = began...max(began, SystemClock.now())
    }

    mutating func begins(_ entry: ReadyEntry) {
        before = if case .job(let job) = entry { jobs.removeValue(forKey: Self.address(job)) } else { nil }
        began = SystemClock.now()
    }

    // SAFETY: a job is a pointer, which is only compared.
    private static func address(_ job: UnownedJob) -> UInt { unsafe unsafeBitCast(job, to: UInt.self) }

    /// Returns the duration whose sum with the machine's time was an instant in `instants`.
    func duration(until instants: ClosedRange<Int64>) -> Int64 {
        let now = SystemClock.now()
        var unit: Int64 = 1_000_000_000
        while unit >= 1_000 {
            if let before, let round = Self.multiple(of: unit, until: instants, from: before) { return round }
            if let round = Self.multiple(of: unit, until: instants, from: began...max(began, now)) { return round }
            unit /= 10
        }
        return max(0, instants.lowerBound - now)
    }

    /// The same for a sum that another thread computed some time ago.
    static func foreignDuration(until instant: Int64) -> Int64 {
        let least = max(0, instant - SystemClock.now())
        let tolerance = max(min(500_000, least / 20), least / 1_000)
        var unit: Int64 = 1_000_000_000
        while unit >= 1_000 {
            let round = (least + unit - 1) / unit * unit
            if round - least <= tolerance { return round }
            unit /= 10
        }
        return least
    }

    private static func multiple(
        of unit: Int64, until instants: ClosedRange<Int64>, from times: ClosedRange<Int64>
    ) -> Int64? {
        let least = max(0, instants.lowerBound - times.upperBound)
        let round = (least + unit - 1) / unit * unit
        return round <= instants.upperBound - times.lowerBound ? round : nil
    }
}
