import AsyncIO
import AsyncIOTesting
import Testing

@testable import TenPrograms

@Suite(.virtualTime) struct VirtualTimeTests {
    // MARK: Crawler

    @Test(arguments: Version.allCases) func theCrawlerIsPolite(version: Version) async throws {
        let links = [
            "a/": (0..<10).map { "a/\($0)" } + ["b/", "c/"], "a/3": ["a/", "secret/1", "secret/2"],
            "c/": (0..<4).map { "down/\($0)" },
        ]
        var (asked, fetched): ([String], [String: [Duration]]) = ([], [:])
        let start = try EventLoop.running.now
        func permits(_ host: String) async throws -> Bool {
            asked.append(host)
            try await sleep(.milliseconds(500))
            return host != "secret"
        }
        func fetch(_ page: String) async throws -> [String] {
            let host = String(page.prefix { $0 != "/" })
            fetched[host, default: []].append(try EventLoop.running.now - start)
            try await sleep(.milliseconds(50))
            if host == "down" { throw ProgramError("down") }
            return links[page] ?? []
        }
        let found =
            switch version {
            case .byHand: try await ByHand.crawl("a/", limit: 100, perSecond: 10, permits: permits, fetch: fetch)
            case .short: try await Short.crawl("a/", limit: 100, perSecond: 10, permits: permits, fetch: fetch)
            }
        #expect(found.count == 19)
        #expect(found["a/"] == 12)
        #expect(found["c/"] == 4)
        #expect(found["a/7"] == 0)
        #expect(found["down/3"] == .some(nil))
        // Each host is asked once, and pages are fetched from it at the permitted rate.
        #expect(asked.sorted() == ["a", "b", "c", "down", "secret"])
        #expect(fetched["secret"] == nil)
        let times = try #require(fetched["a"])
        #expect(times.count == 11)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(100) })
        // Without a breaker, there would be twelve attempts.
        #expect(fetched["down"]?.count == 5)
    }

    // MARK: Calls

    private func calls(
        _ version: Version, _ ask: @escaping (String) async throws -> String
    ) -> (String) async throws -> String {
        let make =
            switch version {
            case .byHand: ByHand.calls
            case .short: Short.calls
            }
        return make(10, 5, 3, .seconds(30), .seconds(2), ask)
    }

    @Test(arguments: Version.allCases) func callsKeepToTheRate(version: Version) async throws {
        let call = calls(version) { "\($0)!" }
        let duration = try await time {
            let answers = try await gather(0..<25) { try await call("\($0)") }
            #expect(answers == (0..<25).map { "\($0)!" })
        }
        // All calls but the last twenty start at once. Calls that waited for too long were made twice.
        #expect(duration >= .seconds(2) && duration <= .seconds(3))
        try await sleep(.seconds(10))
        #expect(try await time { try await gather(0..<5) { _ in _ = try await call("again") } } == .zero)
    }

    @Test(arguments: Version.allCases) func aServiceThatFailsIsLeftAlone(version: Version) async throws {
        var (asked, isDown) = (0, true)
        let call = calls(version) { question in
            asked += 1
            if isDown { throw Failed() }
            return question
        }
        for _ in 0..<3 { await #expect(throws: Failed.self) { try await call("?") } }
        // Each call asks a second time when the first answer is a failure.
        #expect(asked == 6)
        for _ in 0..<5 { await #expect(throws: (any Error).self) { try await call("?") } }
        #expect(asked == 6)
        isDown = false
        try await sleep(.seconds(30))
        #expect(try await call("!") == "!")
    }

    @Test(arguments: Version.allCases) func aSlowAnswerIsAskedForAgain(version: Version) async throws {
        var asked = 0
        let call = calls(version) { question in
            asked += 1
            try await sleep(asked == 1 ? .seconds(60) : .seconds(1))
            return question
        }
        #expect(try await time { try check(try await call("?") == "?") } == .seconds(3))
        #expect(asked == 2)
    }

    @Test(arguments: Version.allCases) func aCancelledCallEndsWhatItAsked(version: Version) async throws {
        var (begun, ended) = (0, 0)
        let call = calls(version) { _ in
            begun += 1
            defer { ended += 1 }
            try await sleep(.seconds(60))
            return ""
        }
        await #expect(throws: TimeoutError.self) { try await withTimeout(.seconds(3)) { try await call("?") } }
        #expect(begun == 2 && ended == 2)
    }

    // MARK: Scheduler

    @Test(arguments: Version.allCases) func jobsRunAtTheirTimes(version: Version) async throws {
        // Noon on some day.
        try VirtualClock.current.setDate(since1970: .seconds(1_728_043_200))
        let start = try EventLoop.running.now
        var times: [String: [Duration]] = [:]
        var reports: [String] = []
        func note(_ name: String) throws { times[name, default: []].append(try EventLoop.running.now - start) }
        let jobs = [
            Job("steady", .every(.seconds(3_600)), limit: .seconds(60)) { try note("steady") },
            Job("slow", .every(.seconds(3_600)), limit: .seconds(7_200)) {
                try note("slow")
                try await sleep(.seconds(5_000))
            },
            Job("nightly", .daily(hour: 2, minute: 30), limit: .seconds(60)) { try note("nightly") },
            Job("failing", .every(.seconds(36_000)), limit: .seconds(60)) { throw Failed() },
            Job("hanging", .every(.seconds(36_000)), limit: .seconds(60)) { try await sleep(.seconds(1_000_000)) },
        ]
        let schedule =
            switch version {
            case .byHand: ByHand.schedule
            case .short: Short.schedule
            }
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(2 * 86_400)) { try await schedule(jobs) { name, _ in reports.append(name) } }
        }
        #expect(times["steady"]?.prefix(3) == [.seconds(3_600), .seconds(7_200), .seconds(10_800)])
        #expect(times["slow"]?.prefix(3) == [.seconds(3_600), .seconds(8_600), .seconds(13_600)])
        #expect(times["nightly"] == [.seconds(52_200), .seconds(138_600)])
        #expect(reports.filter { $0 == "failing" }.count == 4)
        #expect(reports.filter { $0 == "hanging" }.count == 4)
    }

    // MARK: Pipeline

    private func pipeline(
        _ version: Version, _ read: @escaping () async throws -> String?,
        parse: @escaping (String) async throws -> Int? = { Int($0) }, store: @escaping ([Int]) async throws -> Void
    ) async throws {
        let run =
            switch version {
            case .byHand: ByHand.pipeline
            case .short: Short.pipeline
            }
        try await run(4, 100, .seconds(1), read, parse, store)
    }

    @Test(arguments: Version.allCases) func linesAreParsedTogetherAndStoredInBatches(version: Version) async throws {
        var (number, stored, atOnce, most) = (0, [[Int]](), 0, 0)
        try await pipeline(version) {
            number += 1
            if number == 211 { try await sleep(.seconds(10)) }
            return number <= 250 ? (number % 10 == 0 ? "nonsense" : "\(number)") : nil
        } parse: { line in
            atOnce += 1
            most = max(most, atOnce)
            try await sleep(.milliseconds(1))
            atOnce -= 1
            return Int(line)
        } store: {
            stored.append($0)
        }
        #expect(stored.map(\.count) == [100, 89, 36])
        #expect(stored.flatMap(\.self).sorted() == (1...250).filter { $0 % 10 != 0 })
        #expect(most == 4)
    }

    @Test(arguments: Version.allCases) func aSlowStoreSlowsTheReaderDown(version: Version) async throws {
        var (read, stored, lead) = (0, 0, 0)
        try await pipeline(version) {
            read += 1
            lead = max(lead, read - stored)
            return read <= 2_000 ? "\(read)" : nil
        } store: { batch in
            try await sleep(.seconds(1))
            stored += batch.count
        }
        #expect(stored == 2_000)
        #expect(lead <= 144)
    }

    @Test(arguments: Version.allCases) func anErrorInOneStageEndsAll(version: Version) async throws {
        var isOver = false
        await #expect(throws: Failed.self) {
            try await pipeline(version) {
                do { try await sleep(.milliseconds(10)) } catch {
                    isOver = true
                    throw error
                }
                return "1"
            } store: { _ in
                throw Failed()
            }
        }
        #expect(isOver)
    }
}

/// For a check within a measurement.
private func check(_ isRight: Bool) throws { if !isRight { throw Failed() } }
