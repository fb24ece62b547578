import AsyncIO
import AsyncIOTesting
import CoreMetrics
import MetricsTestKit
import Testing

/// Tests the trait `Metrics`.
@Suite struct MetricsTests {
    @Test(.virtualTime) func aReportComesEachTimeTheIntervalHasPassed() async throws {
        let metrics = TestMetrics()
        let loop = try EventLoop.running
        loop.name = "main"
        try loop.reportMetrics(every: .seconds(10), factory: metrics)
        let dimensions = [("loop", "main")]
        let tasks = try metrics.expectGauge("asyncio_tasks", dimensions)
        let timers = try metrics.expectGauge("asyncio_timers", dimensions)
        let turns = try metrics.expectCounter("asyncio_turns", dimensions)

        let sleepers = (1...3).map { _ in createTask { try await sleep(.seconds(15)) } }
        try await sleep(.seconds(9))
        #expect(tasks.values.isEmpty)
        try await sleep(.seconds(2))
        #expect(tasks.values == [4])
        // Three tasks are sleeping, and so is this task.
        #expect(timers.values == [4])
        #expect(turns.totalValue > 0)
        try await sleep(.seconds(10))
        #expect(tasks.values == [4, 1])
        #expect(timers.values == [4, 1])
        #expect(try metrics.expectTimer("asyncio_turn_time", dimensions).values.count == 2)
        for sleeper in sleepers { try await sleeper.value }
    }

    @Test(.eventLoop) func connectionsAndTheirBytesAreCounted() async throws {
        let metrics = TestMetrics()
        let loop = try EventLoop.running
        let before = loop.statistics
        try loop.reportMetrics(every: .milliseconds(5), factory: metrics)
        let dimensions = [("loop", loop.name)]
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write(String(repeating: "a", count: 999) + "\n")
        #expect(try await reader.readLine().count == 1000)

        let connections = try metrics.expectGauge("asyncio_connections", dimensions)
        let received = try metrics.expectCounter("asyncio_received_bytes", dimensions)
        let sent = try metrics.expectCounter("asyncio_sent_bytes", dimensions)
        try await until { connections.lastValue == 2 && received.totalValue == 2000 && sent.totalValue == 2000 }
        writer.close()
        try await server.shutdown(within: .seconds(5))
        try await until { connections.lastValue == 0 }
        let after = loop.statistics
        #expect(after.connections == 0)
        #expect(after.bytesReceived - before.bytesReceived == 2000)
        #expect(after.bytesSent - before.bytesSent == 2000)
    }

    @Test(.eventLoop) func aStepThatBlocksShowsInTheFigures() async throws {
        let metrics = TestMetrics()
        let loop = try EventLoop.running
        try loop.reportMetrics(every: .milliseconds(30), factory: metrics)
        let dimensions = [("loop", loop.name)]
        let tasks = (0..<50).map { _ in createTask {} }
        try loop.callSoon {
            let end = ContinuousClock.now + .milliseconds(80)
            while ContinuousClock.now < end {}
        }
        for task in tasks { try await task.value }
        let turnTime = try metrics.expectTimer("asyncio_turn_time", dimensions)
        try await until { !turnTime.values.isEmpty }
        // The report was due at 30 ms, in a turn that took 80.
        #expect(turnTime.values[0] >= 80_000_000)
        #expect(try metrics.expectTimer("asyncio_loop_lag", dimensions).values[0] >= 45_000_000)
        #expect(try #require(metrics.expectGauge("asyncio_busy", dimensions).values.first) > 0.5)
        #expect(try #require(metrics.expectGauge("asyncio_ready", dimensions).values.first) >= 51)
    }

    @Test(.virtualTime) func reportsEndWhenTheyAreCancelledOrOthersBegin() async throws {
        let (first, second) = (TestMetrics(), TestMetrics())
        let loop = try EventLoop.running
        try loop.reportMetrics(every: .seconds(1), factory: first)
        let old = try first.expectGauge("asyncio_tasks", [("loop", loop.name)])
        let report = try loop.reportMetrics(every: .seconds(1), factory: second)
        // The backend drops metrics that are no longer reported.
        #expect(first.counters.isEmpty && first.timers.isEmpty && first.recorders.isEmpty)
        let new = try second.expectGauge("asyncio_tasks", [("loop", loop.name)])
        try await sleep(.milliseconds(2500))
        #expect(old.values == [])
        #expect(new.values == [1, 1])
        report.cancel()
        report.cancel()
        try await sleep(.seconds(5))
        #expect(new.values == [1, 1])
    }

    @Test(.eventLoop) func everyLoopHasReportsOfItsOwn() async throws {
        let metrics = TestMetrics()
        // These loops are not given names.
        let (first, second) = (try EventLoopThread(), try EventLoopThread())
        for (io, count) in [(first, 1), (second, 3)] {
            try await io.run { io in
                for _ in 0..<count { createTask { try await sleep(.seconds(3_600)) } }
                try io.loop.reportMetrics(every: .milliseconds(5), factory: metrics)
            }
        }
        let gauges = try [first, second].map {
            try metrics.expectGauge("asyncio_tasks", [("loop", $0.loop.name)])
        }
        try await until { gauges.map(\.lastValue) == [1, 3] }
        // The end of a loop ends only the reports of that loop.
        try await first.shutDown()
        #expect(throws: (any Error).self) { try metrics.expectGauge("asyncio_tasks", [("loop", first.loop.name)]) }
        let count = gauges[1].values.count
        try await until { gauges[1].values.count > count }
        #expect(gauges[1].lastValue == 3)
        try await second.shutDown()
    }

    @Test(.eventLoop) func anIntervalOfZeroIsAMistake() throws {
        let error = #expect(throws: ValueError.self) {
            try EventLoop.running.reportMetrics(every: .zero, factory: TestMetrics())
        }
        #expect(error?.message == "interval must be positive, got 0.0 seconds")
    }
}

/// Waits until the condition is true. The test's time limit ends the wait if it never is.
func until(_ condition: () -> Bool) async throws {
    while !condition() { try await sleep(.milliseconds(2)) }
}
