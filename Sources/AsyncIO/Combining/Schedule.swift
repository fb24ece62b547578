internal import AsyncIOSystem

/// A schedule of recurring calendar times, in the notation of cron.
///
/// ```swift
/// let nightly = try Schedule("30 2 * * *")
/// for try await _ in nightly.times { try await backUp() }
/// ```
///
/// The five fields are the minute (0–59), the hour (0–23), the day of the month (1–31), the month (1–12 or
/// `jan`–`dec`), and the day of the week (0–7 or `sun`–`sat`; 0 and 7 are Sunday). A field is `*`, or a list of numbers
/// and ranges, such as `1,10-20`. The suffix `/n` after `*` or a range selects every *n*th value, as in `*/15`. If both
/// the day of the month and the day of the week are restricted, the schedule includes all days that match at least one
/// of these fields. The abbreviations `@hourly`, `@daily` (or `@midnight`), `@weekly`, `@monthly`, and `@yearly` (or
/// `@annually`) are also supported.
///
/// When the clocks go forward, a skipped time is due at the end of the gap. When the clocks go back, a time that occurs
/// twice is due only once. If the hour is `*`, skipped times are not due, and times that occur twice are due twice.
///
/// Dates are represented as durations since 1 January 1970 at 00:00 UTC.
///
/// asyncio: none; the closest equivalent is the package `aiocron`. Unix: `crontab(5)`.
public struct Schedule: Sendable, CustomStringConvertible {
    /// The time zone of a schedule.
    public struct Zone: Sendable {
        /// A function that returns the number of seconds by which the zone is ahead of UTC. The argument is a time in
        /// seconds since 1970.
        let offset: @Sendable (Int64) -> Int64

        package init(offset: @escaping @Sendable (Int64) -> Int64) { self.offset = offset }

        /// Coordinated Universal Time.
        public static let utc = Zone { _ in 0 }
        /// The time zone from the environment variable `TZ` if the variable is set; otherwise, the time zone of the
        /// system.
        public static let local = Zone(offset: Calendar.localOffset)
    }

    let zone: Zone
    let minutes: CronField
    let hours: CronField
    let days: CronField
    let months: CronField
    let weekdays: CronField

    /// The text from which the schedule was created.
    public let description: String

    /// Creates a schedule from text in the notation of cron.
    ///
    /// - Parameters:
    ///   - text: The five fields, or an abbreviation such as `@daily`.
    ///   - zone: The time zone in which the fields are interpreted.
    /// - Throws: ``ValueError`` if the text is not valid.
    public init(_ text: String, zone: Zone = .local) throws(ValueError) {
        let fields = (Self.abbreviations[text] ?? text).split(whereSeparator: \.isWhitespace)
        guard fields.count == 5 else {
            throw ValueError("a schedule has five fields or is an abbreviation such as @daily, got \"\(text)\"")
        }
        description = text
        self.zone = zone
        minutes = try CronField(fields[0], "minute", 0...59)
        hours = try CronField(fields[1], "hour", 0...23)
        days = try CronField(fields[2], "day of the month", 1...31)
        months = try CronField(fields[3], "month", 1...12, names: Self.monthNames)
        weekdays = try CronField(fields[4], "day of the week", 0...7, names: Self.weekdayNames)
    }

    private static let abbreviations = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let weekdayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    /// Returns the first time of the schedule after a date.
    ///
    /// - Parameter date: The date, as a duration since 1 January 1970 at 00:00 UTC.
    /// - Returns: The time, as a duration since 1 January 1970 at 00:00 UTC, or `nil` if no time is due in the nine
    ///   years after the date. For example, 30 February is never due. The method also returns `nil` if the time is more
    ///   than about a billion years before or after 1970.
    /// - Complexity: O(*n*), where *n* is the number of days between the date and the returned time.
    public func next(after date: Duration) -> Duration? {
        let (whole, rest) = date.attoseconds.quotientAndRemainder(dividingBy: 60_000_000_000_000_000_000)
        guard let next = Int64(exactly: rest < 0 ? whole : whole + 1), abs(next) < Self.lastMinute else { return nil }
        var time = CivilTime(60 * next, in: zone)
        let lastDay = time.day + 9 * 366
        while time.day <= lastDay {
            let isDayDue = isDue(day: time)
            if isDayDue, hours.contains(time.hour), let minute = minutes.first(from: time.minute) {
                if minute == time.minute, hours.isAny || !time.isRepeated { return .seconds(time.seconds) }
                time = time.advanced(minutes: max(1, minute - time.minute))
            } else {
                let next = isDayDue ? time.advanced(minutes: 60 - time.minute) : time.nextDay()
                if skipsHour(from: time, to: next) { return .seconds(next.seconds) }
                time = next
            }
        }
        return nil
    }

    /// The limit of the system's calendar, which is about a billion years, in minutes.
    private static let lastMinute: Int64 = 1 << 49

    /// Returns whether the clocks go forward between the two times and skip an hour that is due.
    private func skipsHour(from time: CivilTime, to next: CivilTime) -> Bool {
        let first = next.day == time.day ? time.hour + 1 : 0
        guard !hours.isAny, first < next.hour, isDue(day: next) else { return false }
        return (first..<next.hour).contains(where: hours.contains)
    }

    private func isDue(day time: CivilTime) -> Bool {
        let (month, day) = time.monthAndDay
        guard months.contains(month) else { return false }
        // The epoch, day 0, was a Thursday.
        let weekday = (Int(time.day % 7) + 11) % 7
        let isWeekday = weekdays.contains(weekday) || (weekday == 0 && weekdays.contains(7))
        if days.isAny || weekdays.isAny { return days.contains(day) && isWeekday }
        return days.contains(day) || isWeekday
    }
}
