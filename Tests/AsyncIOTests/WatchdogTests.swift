import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Synchronization
import Testing

/// A loop that does not turn is reported while it does not.
@Suite(.eventLoop, .serialized)
struct WatchdogTests {
    /// What the watchdog told.
    nonisolated final class Told: Sendable {
        private let reports = Guarded<[BlockedLoopReport]>([])
        var all: [BlockedLoopReport] { reports.withLock { $0 } }
        func add(_ report: BlockedLoopReport) { reports.withLock { $0.append(report) } }
    }

    func watched(after threshold: Duration, _ body: (Told) async throws -> Void) async throws -> [BlockedLoopReport] {
        let told = Told()
        let loop = try EventLoop.running
        loop.setBlockedHandler { told.add($0) }
        loop.blockedThreshold = threshold
        defer { loop.setBlockedHandler(nil) }
        try await body(told)
        return told.all
    }

    /// Blocks the thread in a system call.
    nonisolated func waitInTheKernel(for told: Told) {
        while told.all.isEmpty { block(.milliseconds(50)) }
    }

    /// Keeps the processor busy.
    nonisolated func compute(until told: Told) {
        while told.all.isEmpty {
            for _ in 0..<1_000_000 {}
        }
    }

    @Test func aTaskThatComputesIsNamedMeanwhileWithItsStack() async throws {
        let line = #line + 2
        let reports = try await watched(after: .milliseconds(200)) { told in
            let task = createTask(name: "busy") { compute(until: told) }
            try await task.value
        }
        let report = try #require(reports.first)
        #expect(report.task == "busy")
        #expect(report.created?.line == UInt(line))
        #expect(report.duration >= .milliseconds(200) && report.duration < .seconds(5))
        #expect(report.stack.contains { $0.function == "WatchdogTests.compute(until:)" && $0.file == #filePath })
        #expect(report.stack.contains { $0.line == line })
        #expect(report.description.contains("Task \"busy\" is running at "))
    }

    @Test func aTaskThatSitsInASystemCallIsNamedToo() async throws {
        let reports = try await watched(after: .milliseconds(200)) { told in
            let task = createTask(name: "asleep") { waitInTheKernel(for: told) }
            try await task.value
        }
        let report = try #require(reports.first)
        #expect(report.task == "asleep")
        #expect(report.stack.contains { $0.function == "WatchdogTests.waitInTheKernel(for:)" }, "\(report.stack)")
    }

    @Test func aCallbackThatBlocksIsNobodysTask() async throws {
        let reports = try await watched(after: .milliseconds(200)) { told in
            try EventLoop.running.callSoon { compute(until: told) }
            try await sleep(.milliseconds(1))
        }
        let report = try #require(reports.first)
        #expect(report.task == nil && report.created == nil)
        #expect(report.description.contains("a callback is running"))
        #expect(report.stack.contains { $0.function == "WatchdogTests.compute(until:)" }, "\(report.stack)")
    }

    @Test func aTaskThatGoesOnAfterAWaitIsKnown() async throws {
        let reports = try await watched(after: .milliseconds(200)) { told in
            let task = createTask(name: "later") {
                try await sleep(.milliseconds(10))
                compute(until: told)
            }
            try await task.value
        }
        #expect(reports.first?.task == "later")
    }

    @Test func aLoopThatSleepsOrIsBusyWithManyStepsIsNotBlocked() async throws {
        let reports = try await watched(after: .milliseconds(200)) { _ in
            try await sleep(.milliseconds(600))
            let end = ContinuousClock.now + .milliseconds(600)
            while ContinuousClock.now < end { try await sleep(.zero) }
        }
        #expect(reports.isEmpty)
    }

    @Test func aBlockageIsReportedOnceAndCounted() async throws {
        let loop = try EventLoop.running
        let before = loop.statistics.stalls
        let reports = try await watched(after: .milliseconds(200)) { _ in block(.milliseconds(1_200)) }
        #expect(reports.count == 1)
        #expect(loop.statistics.stalls == before + 1)
        #expect(loop.statistics.longestStall >= .milliseconds(200))
    }

    @Test func withoutAThresholdNobodyWatches() async throws {
        let loop = try EventLoop.running
        let told = Told()
        loop.setBlockedHandler { told.add($0) }
        defer { loop.setBlockedHandler(nil) }
        loop.blockedThreshold = nil
        #expect(loop.blockedThreshold == nil)
        block(.milliseconds(700))
        #expect(told.all.isEmpty)
    }
}
