import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite(.virtualTime) struct ScheduleTests {
    private static func date(_ text: String) throws -> Duration {
        let formatter = ISO8601DateFormatter()
        let date = try #require(formatter.date(from: text + "Z"))
        return .seconds(Int(date.timeIntervalSince1970))
    }

    private static func text(_ date: Duration) -> String {
        let text = ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: date / .seconds(1)))
        return String(text.dropLast())
    }

    /// The times after a date.
    private func times(
        _ text: String, after date: String, count: Int, zone: Schedule.Zone = .utc
    ) throws -> [String] {
        let schedule = try Schedule(text, zone: zone)
        var time = try Self.date(date)
        return try (0..<count).map { _ in
            time = try #require(schedule.next(after: time))
            return Self.text(time)
        }
    }

    @Test(arguments: [
        ("30 2 * * *", ["2026-02-28T02:30:00", "2026-03-01T02:30:00"]),
        ("*/20 * * * *", ["2026-02-27T10:20:00", "2026-02-27T10:40:00", "2026-02-27T11:00:00"]),
        ("5,10-12 9-10 * * *", ["2026-02-27T10:05:00", "2026-02-27T10:10:00", "2026-02-27T10:11:00"]),
        ("0 0 1 * *", ["2026-03-01T00:00:00", "2026-04-01T00:00:00"]),
        ("0 12 29 2 *", ["2028-02-29T12:00:00", "2032-02-29T12:00:00"]),
        ("0 9 * * mon-fri", ["2026-03-02T09:00:00", "2026-03-03T09:00:00"]),
        ("0 9 * * 7", ["2026-03-01T09:00:00", "2026-03-08T09:00:00"]),
        ("0 9 * * 0", ["2026-03-01T09:00:00", "2026-03-08T09:00:00"]),
        ("0 0 13 * fri", ["2026-03-06T00:00:00", "2026-03-13T00:00:00", "2026-03-20T00:00:00"]),
        ("0 0 */2 * fri", ["2026-03-13T00:00:00", "2026-03-27T00:00:00"]),
        ("15 10/6 * JAN,dec *", ["2026-12-01T10:15:00", "2026-12-01T16:15:00", "2026-12-01T22:15:00"]),
        ("@hourly", ["2026-02-27T11:00:00"]), ("@daily", ["2026-02-28T00:00:00"]),
        ("@weekly", ["2026-03-01T00:00:00"]), ("@monthly", ["2026-03-01T00:00:00"]),
        ("@yearly", ["2027-01-01T00:00:00"]),
    ])
    func theNextTimesAreThoseOfTheFields(_ schedule: String, _ expected: [String]) throws {
        // A Friday.
        #expect(try times(schedule, after: "2026-02-27T10:00:00", count: expected.count) == expected)
    }

    @Test func aTimeIsAfterTheDateAndOnAWholeMinute() throws {
        #expect(try times("* * * * *", after: "2026-02-27T10:00:59", count: 2).last == "2026-02-27T10:02:00")
        let schedule = try Schedule("* * * * *", zone: .utc)
        #expect(schedule.next(after: .milliseconds(1_500)) == .seconds(60))
        #expect(schedule.next(after: .seconds(-61)) == .seconds(-60))
    }

    @Test func aDayThatDoesNotExistHasNoTime() throws {
        #expect(try Schedule("0 0 30 2 *", zone: .utc).next(after: .zero) == nil)
    }

    @Test(arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *",
        "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "-1 * * * *", "* * * foo *", "@never",
    ])
    func aTextThatIsNotAScheduleIsAnError(_ text: String) {
        #expect(throws: ValueError.self) { try Schedule(text) }
    }

    /// Central European time around the changes of 2026: forward on 29 March and back on 25 October, at 01:00 UTC.
    private static let berlin = Schedule.Zone { seconds in
        (1_774_746_000..<1_792_890_000).contains(seconds) ? 7_200 : 3_600
    }

    @Test func aTimeThatTheClocksSkipIsDueAfterTheGap() throws {
        #expect(
            try times("30 2 * * *", after: "2026-03-28T00:00:00", count: 3, zone: Self.berlin)
                == ["2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"])
        #expect(
            try times("0 * * * *", after: "2026-03-29T00:00:00", count: 2, zone: Self.berlin)
                == ["2026-03-29T01:00:00", "2026-03-29T02:00:00"])
    }

    @Test func aTimeThatOccursTwiceIsDueOnceUnlessTheHourIsAny() throws {
        #expect(
            try times("30 2 * * *", after: "2026-10-24T12:00:00", count: 2, zone: Self.berlin)
                == ["2026-10-25T00:30:00", "2026-10-26T01:30:00"])
        #expect(
            try times("30 * * * *", after: "2026-10-25T00:00:00", count: 3, zone: Self.berlin)
                == ["2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"])
    }

    @Test func midnightCanBeSkippedToo() throws {
        // The clocks go forward at midnight of 2 January 1970.
        let zone = Schedule.Zone { $0 < 86_400 ? 0 : 3_600 }
        let daily = try Schedule("0 0 * * *", zone: zone)
        #expect(daily.next(after: .zero) == .seconds(86_400))
        #expect(daily.next(after: .seconds(86_400)) == .seconds(2 * 86_400 - 3_600))
    }

    @Test func theLocalZoneIsThatOfTheSystem() throws {
        let next = try #require(try Schedule("0 12 * * *").next(after: Self.date("2026-02-27T00:00:00")))
        let calendar = Calendar(identifier: .gregorian)
        let parts = calendar.dateComponents([.hour, .minute], from: Date(timeIntervalSince1970: next / .seconds(1)))
        #expect(parts.hour == 12 && parts.minute == 0)
    }

    @Test func theSequenceWaitsForEachTimeAndLeavesOutWhatWasMissed() async throws {
        var times: [String] = []
        for try await time in try Schedule("0 */6 * * *", zone: .utc).times {
            times.append(Self.text(time))
            #expect(Self.text(time) == Self.text(.seconds(Int(Date().timeIntervalSince1970))))
            if times.count == 2 { try await sleep(.seconds(7 * 3_600)) }
            if times.count == 3 { break }
        }
        #expect(times == ["2001-01-01T06:00:00", "2001-01-01T12:00:00", "2001-01-02T00:00:00"])
    }

    @Test func theSequenceEndsWithItsSchedule() async throws {
        for try await _ in try Schedule("0 0 31 4 *", zone: .utc).times { Issue.record("a day that does not exist") }
    }

    @Test func theSequenceCanBeCancelled() async throws {
        let schedule = try Schedule("@yearly", zone: .utc)
        let task = createTask { for try await _ in schedule.times {} }
        try await sleep(.seconds(100))
        task.cancel()
        #expect(try await time { await #expect(throws: CancellationError.self) { try await task.value } } == .zero)
    }
}
