/// The local time in a time zone.
struct CivilTime {
    /// The number of seconds since 1 January 1970 at 00:00 UTC.
    let seconds: Int64
    private let zone: Schedule.Zone
    private let offset: Int64

    init(_ seconds: Int64, in zone: Schedule.Zone) {
        self.seconds = seconds
        self.zone = zone
        offset = zone.offset(seconds)
    }

    private var local: Int64 { seconds + offset }
    private var secondOfDay: Int64 { local - day * 86_400 }

    /// The number of the day, starting from 0 for 1 January 1970.
    var day: Int64 { local >= 0 ? local / 86_400 : (local - 86_399) / 86_400 }
    var hour: Int { Int(secondOfDay / 3_600) }
    var minute: Int { Int(secondOfDay / 60 % 60) }

    /// The month and the day of the month, each starting from 1.
    var monthAndDay: (month: Int, day: Int) {
        // Years that begin in March, in eras of 400 years (Howard Hinnant's days_from_civil).
        let shifted = day + 719_468
        let dayOfEra = shifted - (shifted >= 0 ? shifted : shifted - 146_096) / 146_097 * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        return (Int(month < 10 ? month + 3 : month - 9), Int(dayOfYear - (153 * month + 2) / 5 + 1))
    }

    /// Whether the clocks were set back and show this local time for the second time.
    var isRepeated: Bool {
        // They are put back by an hour, or half an hour on Lord Howe Island.
        [3_600, 1_800].contains { zone.offset(seconds - $0) - offset == $0 }
    }

    func advanced(minutes: Int) -> CivilTime { CivilTime(seconds + Int64(minutes) * 60, in: zone) }

    /// The beginning of the next day.
    func nextDay() -> CivilTime {
        let next = CivilTime(seconds + 86_400 - secondOfDay, in: zone)
        if next.offset == offset { return next }
        // The clocks are changed in between, possibly from midnight to one o'clock.
        let corrected = CivilTime(next.seconds - (next.offset - offset), in: zone)
        return corrected.day > day ? corrected : next
    }
}
