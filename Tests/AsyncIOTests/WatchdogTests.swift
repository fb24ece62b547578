import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Synchronization
import Testing

/// A loop that does not turn is reported while it does not.
///
/// Most tests have a watchdog of their own, which looks only when the test calls it, and uses the
/// test's time.
@Suite(.eventLoop, .serialized)
struct WatchdogTests {
    /// The reports of the watchdog.
    nonisolated final class Told: Sendable {
        private let reports = Guarded<[BlockedLoopReport]>([])
        var all: [BlockedLoopReport] { reports.withLock { $0 } }
        func add(_ report: BlockedLoopReport) { reports.withLock { $0.append(report) } }
    }

    /// A watchdog and its clock.
    nonisolated final class Lookout: Sendable {
        let watchdog = Watchdog(hasThread: false)
        private let told = Told()
        private let loop: EventLoop
        private let clock = Guarded<Int64>(SystemClock.now())

        @MainActor init(threshold: Duration = .seconds(1)) throws {
            loop = try EventLoop.running
            // The shared watchdog must not call the handler.
            loop.blockedThreshold = threshold
            watchdog.beginWatching(loop)
            loop.blockedThreshold = nil
            loop.setBlockedHandler { [told] in told.add($0) }
        }

        /// Looks once `time` has passed.
        @discardableResult
        func look(after time: Duration) -> Lookout {
            let now = clock.withLock { now in
                now += Int64(time / .nanoseconds(1))
                return now
            }
            watchdog.look(at: now)
            return self
        }

        /// Looks every 100 ms for `time`, as the watchdog's thread does.
        @discardableResult
        func look(for time: Duration) -> Lookout {
            var passed = Duration.zero
            look(after: .zero)
            while passed < time {
                look(after: .milliseconds(100))
                passed += .milliseconds(100)
            }
            return self
        }

        var reports: [BlockedLoopReport] { told.all }

        @MainActor func end() {
            watchdog.endWatching(loop)
            loop.setBlockedHandler(nil)
        }
    }

    @Test func aTaskThatDoesNotGiveWayIsNamedWithItsStack() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        let line = #line + 1
        try await createTask(name: "busy") { _ = lookout.look(for: .milliseconds(1_200)) }.value
        let report = try #require(lookout.reports.first)
        #expect(lookout.reports.count == 1)
        #expect(report.task == "busy")
        #expect(report.created?.line == UInt(line))
        #expect(report.duration == .seconds(1))
        #expect(report.stack.contains { $0.function == "WatchdogTests.Lookout.look(for:)" && $0.file == #filePath })
        #expect(report.stack.contains { $0.line == line }, "\(report.stack)")
        #expect(report.description.contains("Task \"busy\" is running at "))
    }

    @Test func aReportNamesALoopThatHasANameOfItsOwn() async throws {
        let loop = try EventLoop.running
        let name = loop.name
        let lookout = try Lookout()
        defer {
            lookout.end()
            loop.name = name
        }
        lookout.look(for: .seconds(1))
        loop.name = "io"
        try await sleep(.zero)
        lookout.look(for: .seconds(1))
        #expect(lookout.reports.map(\.loop) == [name, "io"])
        #expect(lookout.reports[0].description.hasPrefix("The event loop has been blocked for "))
        #expect(lookout.reports[1].description.hasPrefix("The event loop \"io\" has been blocked for "))
    }

    @Test func aReportNamesTheLoopIfThereAreSeveral() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        let io = try EventLoopThread()
        try await io.run { io in lookout.watchdog.beginWatching(io.loop) }
        lookout.look(for: .seconds(1))
        let loop = try EventLoop.running
        #expect(lookout.reports.map(\.loop) == [loop.name])
        #expect(lookout.reports[0].description.hasPrefix("The event loop \"\(loop.name)\" has been blocked for "))
        lookout.watchdog.endWatching(io.loop)
        try await io.shutDown()
    }

    @Test func aTaskThatSitsInASystemCallIsNamedToo() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        try await createTask(name: "asleep") { try waitInTheKernel(lookout) }.value
        let report = try #require(lookout.reports.first)
        #expect(report.task == "asleep")
        #expect(report.stack.contains { $0.function == "WatchdogTests.waitInTheKernel(_:)" }, "\(report.stack)")
    }

    /// Blocks the thread until another one has looked.
    func waitInTheKernel(_ lookout: Lookout) throws {
        let gate = ThreadGate()
        try Thread.start(named: "test-look") {
            lookout.look(for: .seconds(2))
            gate.open()
        }
        gate.wait()
    }

    @Test func aCallbackThatBlocksIsNobodysTask() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        try EventLoop.running.callSoon { lookout.look(for: .seconds(1)) }
        try await sleep(.zero)
        let report = try #require(lookout.reports.first)
        #expect(report.task == nil && report.created == nil)
        #expect(report.description.contains("a callback is running"))
        #expect(report.stack.contains { $0.function == "WatchdogTests.Lookout.look(for:)" }, "\(report.stack)")
    }

    @Test func aTaskThatGoesOnAfterAWaitIsKnown() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        let task = createTask(name: "later") {
            try await sleep(.zero)
            lookout.look(for: .seconds(1))
        }
        try await task.value
        #expect(lookout.reports.first?.task == "later")
    }

    /// Waits until the loop is in its poller, at another position than before.
    nonisolated func waitUntilPolling(_ loop: EventLoop, otherThan before: Pulse.Position? = nil) -> Pulse.Position {
        while !loop.pulse.position.isPolling || loop.pulse.position == before { block(.milliseconds(1)) }
        return loop.pulse.position
    }

    /// This holds however late the watchdog is, and whatever it saw before.
    @Test func aLoopInItsPollerIsNeverReported() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        let loop = try EventLoop.running
        try await toThread {
            var position = waitUntilPolling(loop)
            lookout.look(for: .seconds(30))
            for _ in 0..<20 {
                lookout.look(after: .milliseconds(900))
                // The loop leaves the poller between two looks, and enters it again.
                try loop.callSoonThreadSafe {}
                position = waitUntilPolling(loop, otherThan: position)
            }
        }
        #expect(lookout.reports.isEmpty)
    }

    /// The time in the poller does not count, although there was no step in it.
    @Test func aLoopThatHasJustWokenUpIsNotBlocked() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        let loop = try EventLoop.running
        let position = try await toThread {
            let position = waitUntilPolling(loop)
            lookout.look(after: .zero)
            return position
        }
        #expect(loop.pulse.position != position)
        lookout.look(after: .milliseconds(1_100)).look(after: .milliseconds(900))
        #expect(lookout.reports.isEmpty)
        lookout.look(after: .milliseconds(100))
        #expect(lookout.reports.count == 1)
    }

    @Test func aPollMovesThePulseEvenIfItBringsNothing() {
        let pulse = Pulse()
        let before = pulse.position
        #expect(!before.isPolling)
        pulse.enterPoller()
        let inside = pulse.position
        #expect(inside.isPolling && inside != before)
        pulse.leavePoller()
        #expect(!pulse.position.isPolling && pulse.position != before && pulse.position != inside)
        #expect(pulse.position.steps == before.steps)
    }

    @Test(arguments: BackendTests.hasUring ? [EventLoop.Backend.epoll, .ioUring] : [.epoll])
    func aPollThatDoesNotWaitIsAPollToo(backend: EventLoop.Backend) throws {
        try atTopLevel {
            let polls = try AsyncIO.run(backend: backend) {
                let loop = try EventLoop.running
                let pipe = try Pipe()
                try loop.addReader(pipe.reader) {}
                defer { _ = try? loop.removeReader(pipe.reader) }
                try await sleep(.zero)
                let before = loop.pulse.position.polls
                try await sleep(.zero)
                return loop.pulse.position.polls - before
            }
            // Leaving and entering.
            #expect(polls == 2)
        }
    }

    @Test func aLoopWithManyShortStepsIsNotBlocked() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        for _ in 0..<50 {
            lookout.look(after: .milliseconds(600))
            try await sleep(.zero)
        }
        #expect(lookout.reports.isEmpty)
    }

    @Test func aBlockageIsReportedAgainAfterTenTimesAsLongAndCountedOnce() async throws {
        let loop = try EventLoop.running
        let lookout = try Lookout()
        defer { lookout.end() }
        #expect(loop.statistics.stalls == 0)
        lookout.look(for: .seconds(9))
        #expect(lookout.reports.map(\.duration) == [.seconds(1)])
        lookout.look(for: .seconds(2))
        #expect(lookout.reports.map(\.duration) == [.seconds(1), .seconds(10)])
        #expect(loop.statistics.stalls == 1)
        #expect(loop.statistics.longestStall >= .seconds(10))
        try await sleep(.zero)
        lookout.look(for: .seconds(1))
        #expect(loop.statistics.stalls == 2)
    }

    /// The process was stopped, or the machine had no time for it.
    @Test func aLookThatIsMuchTooLateSaysNothingOfTheLoop() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        lookout.look(after: .zero).look(after: .milliseconds(100)).look(after: .seconds(60))
        #expect(lookout.reports.isEmpty)
        // If that continues, the loop is the cause.
        lookout.look(for: .seconds(1))
        #expect(lookout.reports.map(\.duration) == [.seconds(1)])
    }

    @Test func aLoopHasItsOwnHandlerAndFigures() async throws {
        let lookout = try Lookout()
        defer { lookout.end() }
        let other = try EventLoop()
        defer { try? other.close() }
        let othersReports = Told()
        other.setBlockedHandler { othersReports.add($0) }
        lookout.look(for: .seconds(1))
        #expect(lookout.reports.count == 1)
        #expect(othersReports.all.isEmpty)
        #expect(try EventLoop.running.statistics.stalls == 1)
        #expect(other.statistics.stalls == 0 && other.statistics.longestStall == .zero)
        // That handler was the other loop's.
        other.setBlockedHandler(nil)
        try await sleep(.zero)
        lookout.look(for: .seconds(1))
        #expect(lookout.reports.count == 2)
    }

    // MARK: The watchdog's thread

    /// Keeps the processor busy.
    nonisolated func compute(until told: Told) {
        while told.all.isEmpty {
            for _ in 0..<1_000_000 {}
        }
    }

    @Test func aThreadLooksByItself() async throws {
        let told = Told()
        let loop = try EventLoop.running
        loop.setBlockedHandler { told.add($0) }
        loop.blockedThreshold = .milliseconds(200)
        defer {
            loop.blockedThreshold = nil
            loop.setBlockedHandler(nil)
        }
        try await createTask(name: "busy") { compute(until: told) }.value
        let report = try #require(told.all.first)
        #expect(report.task == "busy")
        #expect(report.duration >= .milliseconds(200))
        #expect(report.stack.contains { $0.function == "WatchdogTests.compute(until:)" }, "\(report.stack)")
        #expect(loop.statistics.stalls >= 1)
        #expect(loop.statistics.longestStall >= .milliseconds(200))
    }

    @Test func withoutAThresholdNobodyWatches() async throws {
        let loop = try EventLoop.running
        loop.blockedThreshold = nil
        #expect(loop.blockedThreshold == nil)
        let watchdog = Watchdog(hasThread: false)
        let told = Told()
        loop.setBlockedHandler { told.add($0) }
        watchdog.beginWatching(loop)
        defer {
            watchdog.endWatching(loop)
            loop.setBlockedHandler(nil)
        }
        let start = SystemClock.now()
        for second in 0..<20 { watchdog.look(at: start + Int64(second) * 1_000_000_000) }
        #expect(told.all.isEmpty)
    }
}
