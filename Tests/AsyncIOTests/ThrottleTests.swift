import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ThrottleTests {
    /// The times at which actions started and ended, in seconds since the log was created.
    private final class Times {
        private let start: ContinuousClock.Instant
        private(set) var times: [Double] = []

        init() throws { start = try EventLoop.running.now }
        func note() throws { times.append((try EventLoop.running.now - start) / .seconds(1)) }
    }

    @Test func theFirstCallActsAtOnceAndTheLastAtTheEndOfTheInterval() async throws {
        let log = try Times()
        let throttle = Throttle(interval: .seconds(1)) { try log.note() }
        for _ in 0..<8 {
            throttle.call()
            try await sleep(.seconds(0.4))
        }
        throttle.call()
        #expect(throttle.isPending)
        try await sleep(.seconds(60))
        #expect(log.times == [0, 1, 2, 3, 4])
        #expect(!throttle.isPending)
        throttle.call()
        try await sleep(.seconds(60))
        #expect(log.times.last == 63.2)
    }

    @Test func actionsNeverOverlap() async throws {
        let log = try Times()
        let throttle = Throttle(interval: .seconds(1)) {
            try log.note()
            try await sleep(.seconds(5))
            try log.note()
        }
        throttle.call()
        try await sleep(.seconds(2))
        throttle.call()
        try await sleep(.seconds(60))
        #expect(log.times == [0, 5, 5, 10])
    }

    @Test func callsCanBeTakenBack() async throws {
        let log = try Times()
        let throttle = Throttle(interval: .seconds(1)) { try log.note() }
        throttle.call()
        try await sleep(.milliseconds(1))
        throttle.call()
        throttle.cancel()
        try await sleep(.seconds(60))
        #expect(log.times == [0])
    }

    @Test func flushRunsTheActionNowAndWaitsForIt() async throws {
        let log = try Times()
        let throttle = Throttle(interval: .seconds(10)) {
            try log.note()
            try await sleep(.seconds(2))
        }
        throttle.call()
        try await sleep(.seconds(1))
        throttle.call()
        #expect(try await time { try await throttle.flush() } == .seconds(3))
        try await sleep(.seconds(60))
        #expect(log.times == [0, 2])
        #expect(try await time { try await throttle.flush() } == .zero)
    }

    @Test func aCancelledFlushLeavesTheActionAlone() async throws {
        var hasEnded = false
        let throttle = Throttle(interval: .seconds(1)) {
            try await sleep(.seconds(5))
            hasEnded = true
        }
        throttle.call()
        let flushing = createTask { try await throttle.flush() }
        try await sleep(.seconds(1))
        flushing.cancel()
        await #expect(throws: CancellationError.self) { try await flushing.value }
        try await sleep(.seconds(60))
        #expect(hasEnded)
    }

    @Test func anErrorOfTheActionIsReportedAndTheNextOneRuns() async throws {
        let reports = try ReportRecorder()
        var actions = 0
        let throttle = Throttle(interval: .seconds(1)) {
            actions += 1
            if actions == 1 { throw Boom(1) }
        }
        throttle.call()
        try await sleep(.seconds(5))
        throttle.call()
        try await sleep(.seconds(5))
        #expect(actions == 2)
        #expect(reports.reports.map { $0.error as? Boom } == [Boom(1)])
    }

    @Test func aFlushWithoutARequestLeavesTheIntervalAlone() async throws {
        let log = try Times()
        let throttle = Throttle(interval: .seconds(10)) { try log.note() }
        throttle.call()
        try await sleep(.seconds(1))
        try await throttle.flush()
        throttle.call()
        try await sleep(.seconds(60))
        #expect(log.times == [0, 10])
    }
}
