import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct DebouncerTests {
    /// The times at which actions started, in seconds since the log was created.
    private final class Times {
        private let start: ContinuousClock.Instant
        private(set) var times: [Double] = []

        init() throws { start = try EventLoop.running.now }
        func note() throws { times.append((try EventLoop.running.now - start) / .seconds(1)) }
    }

    @Test func manyCallsMakeOneAction() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) { try log.note() }
        for _ in 0..<5 {
            debouncer.call()
            try await sleep(.seconds(0.5))
        }
        #expect(debouncer.isPending)
        try await sleep(.seconds(60))
        #expect(log.times == [3])
        #expect(!debouncer.isPending)
    }

    @Test func callsFarApartMakeAnActionEach() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) { try log.note() }
        for _ in 0..<3 {
            debouncer.call()
            try await sleep(.seconds(5))
        }
        #expect(log.times == [1, 6, 11])
    }

    @Test func actionsNeverOverlap() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) {
            try log.note()
            try await sleep(.seconds(5))
            try log.note()
        }
        debouncer.call()
        try await sleep(.seconds(2))
        debouncer.call()
        try await sleep(.seconds(60))
        // The call at 2 is due at 3, and waits for the first action to end.
        #expect(log.times == [1, 6, 6, 11])
    }

    @Test func callsCanBeTakenBack() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) { try log.note() }
        debouncer.call()
        debouncer.cancel()
        try await sleep(.seconds(60))
        #expect(log.times == [])
    }

    @Test func aCallThatWaitsForTheRunningActionCanBeTakenBack() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) {
            try log.note()
            try await sleep(.seconds(5))
        }
        debouncer.call()
        try await sleep(.seconds(2))
        debouncer.call()
        try await sleep(.seconds(2))
        #expect(debouncer.isPending)
        debouncer.cancel()
        #expect(!debouncer.isPending)
        try await sleep(.seconds(60))
        #expect(log.times == [1])
    }

    @Test func flushRunsTheActionNowAndWaitsForIt() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(10)) {
            try log.note()
            try await sleep(.seconds(2))
        }
        debouncer.call()
        try await sleep(.seconds(1))
        let duration = try await time { try await debouncer.flush() }
        #expect(duration == .seconds(2))
        try await sleep(.seconds(60))
        #expect(log.times == [1])
    }

    @Test func flushWaitsForTheRunningActionToo() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) {
            try log.note()
            try await sleep(.seconds(5))
        }
        debouncer.call()
        try await sleep(.seconds(2))
        debouncer.call()
        try await debouncer.flush()
        #expect(log.times == [1, 6])
        #expect(try await time { try await debouncer.flush() } == .zero)
    }

    @Test func flushRunsALaterRequestEvenIfTheRunningActionFails() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(1)) {
            try log.note()
            try await sleep(.seconds(5))
            if log.times.count == 1 { throw Boom() }
        }
        debouncer.call()
        try await sleep(.seconds(2))
        debouncer.call()
        await #expect(throws: Boom.self) { try await debouncer.flush() }
        #expect(log.times == [1, 6])
        try await debouncer.flush()
    }

    @Test func aCancelledFlushLeavesTheActionAlone() async throws {
        var hasEnded = false
        let debouncer = Debouncer(delay: .seconds(1)) {
            try await sleep(.seconds(5))
            hasEnded = true
        }
        debouncer.call()
        let flushing = createTask { try await debouncer.flush() }
        try await sleep(.seconds(1))
        flushing.cancel()
        await #expect(throws: CancellationError.self) { try await flushing.value }
        try await sleep(.seconds(60))
        #expect(hasEnded)
    }

    @Test func anErrorOfTheActionIsReportedAndTheNextOneRuns() async throws {
        let reports = try ReportRecorder()
        var actions = 0
        let debouncer = Debouncer(delay: .seconds(1)) {
            actions += 1
            if actions == 1 { throw Boom(1) }
        }
        debouncer.call()
        try await sleep(.seconds(5))
        debouncer.call()
        try await sleep(.seconds(5))
        #expect(actions == 2)
        #expect(reports.reports.map { $0.error as? Boom } == [Boom(1)])
    }

    @Test func aDebouncerThatIsGoneDoesNothing() async throws {
        let log = try Times()
        var debouncer: Debouncer? = Debouncer(delay: .seconds(1)) { try log.note() }
        debouncer?.call()
        debouncer = nil
        try await sleep(.seconds(60))
        #expect(log.times == [])
    }

    @Test func aCallDuringTheActionIsFollowedByAPause() async throws {
        let log = try Times()
        let debouncer = Debouncer(delay: .seconds(2)) {
            try log.note()
            try await sleep(.seconds(5))
        }
        debouncer.call()
        try await sleep(.seconds(3))
        debouncer.call()
        try await sleep(.seconds(3))
        // Due since 5, while the action runs until 7; this call begins a new pause.
        debouncer.call()
        try await sleep(.seconds(60))
        #expect(log.times == [2, 8])
    }

    @Test func anActionCannotWaitForItself() async throws {
        var errors: [any Error] = []
        var debouncer: Debouncer?
        debouncer = Debouncer(delay: .seconds(1)) {
            do { try await debouncer?.flush() } catch { errors.append(error) }
        }
        debouncer?.call()
        try await debouncer?.flush()
        #expect(errors.count == 1 && errors[0] is RuntimeError)
        debouncer = nil
    }

    @Test func anActionCanRequestItself() async throws {
        let log = try Times()
        var debouncer: Debouncer?
        debouncer = Debouncer(delay: .seconds(1)) {
            try log.note()
            if log.times.count < 3 { debouncer?.call() }
        }
        debouncer?.call()
        try await sleep(.seconds(60))
        #expect(log.times == [1, 2, 3])
        debouncer = nil
    }
}
