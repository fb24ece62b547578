import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Dispatch
import Foundation
import Testing

@Suite("Clocks in virtual time") struct VirtualClockTests {
    @Test("every clock of the standard library, Foundation, and Dispatch follows", .virtualTime)
    func everyClockFollows() async throws {
        let continuous = ContinuousClock.now
        let suspending = SuspendingClock.now
        let date = Date()
        let dispatch = DispatchTime.now()
        let uptime = ProcessInfo.processInfo.systemUptime
        try await sleep(.seconds(3600))
        #expect(continuous.duration(to: .now) == .seconds(3600))
        #expect(suspending.duration(to: .now) == .seconds(3600))
        #expect(Date().timeIntervalSince(date) == 3600)
        #expect(DispatchTime.now().uptimeNanoseconds - dispatch.uptimeNanoseconds == 3_600_000_000_000)
        #expect(abs(ProcessInfo.processInfo.systemUptime - uptime - 3600) < 0.001)
    }

    @Test("C functions that read the time follow", .virtualTime) func cFunctionsFollow() async throws {
        let before = time(nil)
        var now = timeval()
        try await sleep(.milliseconds(1_500))
        gettimeofday(&now, nil)
        #expect(now.tv_sec - before == 1 && now.tv_usec == 500_000)
        var exact = timespec()
        #expect(timespec_get(&exact, TIME_UTC) == TIME_UTC)
        #expect(exact.tv_sec == now.tv_sec && exact.tv_nsec == 500_000_000)
    }

    @Test("the date begins on 1 January 2001 and can be set", .virtualTime) func dateCanBeSet() async throws {
        #expect(Date().timeIntervalSinceReferenceDate == 0)
        try await sleep(.seconds(5))
        try VirtualClock.current.setDate(since1970: .seconds(1_000_000_000))
        try await sleep(.seconds(1))
        #expect(Date().timeIntervalSince1970 == 1_000_000_001)
    }

    @Test("a test can begin at another date", .virtualTime(startingAt: .seconds(1_700_000_000)))
    func beginsAtAnotherDate() async throws {
        #expect(Date().timeIntervalSince1970 == 1_700_000_000)
    }

    @Test("measure() and deadlines that were made earlier are exact", .virtualTime) func deadlinesAreExact()
        async throws
    {
        let loop = try EventLoop.running
        let hour = try await ContinuousClock().measure { try await Task.sleep(for: .seconds(3600)) }
        #expect(hour == .seconds(3600))
        let deadline = ContinuousClock.now + .seconds(100)
        let suspended = SuspendingClock.now + .seconds(200)
        let start = loop.now
        try await Task.sleep(for: .seconds(40))
        try await Task.sleep(until: deadline, clock: .continuous)
        #expect(loop.now - start == .seconds(100))
        try await Task.sleep(until: suspended, clock: .suspending)
        #expect(loop.now - start == .seconds(200))
    }

    @Test("a loop that polls until a deadline ends", .virtualTime) func pollingEnds() async throws {
        let deadline = ContinuousClock.now + .seconds(2)
        var count = 0
        while ContinuousClock.now < deadline {
            count += 1
            try await Task.sleep(for: .seconds(1))
        }
        #expect(count == 2)
    }

    @Test("a timeout of the library is measured by every clock", .virtualTime) func timeoutsAgree() async throws {
        let start = Date()
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(90)) { try await Task.sleep(for: .seconds(1_000)) }
        }
        #expect(Date().timeIntervalSince(start) == 90)
    }

    @Test("odd durations keep their length", .virtualTime) func oddDurations() async throws {
        let loop = try EventLoop.running
        for duration in [Duration.nanoseconds(1), .nanoseconds(123_456_789), .milliseconds(7), .seconds(86_400)] {
            let start = loop.now
            try await Task.sleep(for: duration)
            #expect(loop.now - start == duration)
        }
    }

    @Test("blocking the thread lets time pass at once", .virtualTime) func blockingPassesTime() async throws {
        let before = ContinuousClock.now
        blockTheThread()
        #expect(before.duration(to: .now) >= .seconds(3600))
        #expect(before.duration(to: .now) < .seconds(3602))
    }

    // Foundation sleeps again while the clock, as a number of seconds with fractions, has not reached the end, even if
    // less than a nanosecond is missing.
    @Test("a sleep of less than a nanosecond ends", .virtualTime) func shortSleepsEnd() async throws {
        for number in 0..<2_000 {
            let before = ContinuousClock.now
            blockTheThread(for: 1 + 1 / Double(number + 3))
            #expect(before.duration(to: .now) >= .seconds(1))
        }
    }

    @Test("DispatchQueue.main.asyncAfter follows", .virtualTime) func mainQueueTimersFollow() async throws {
        let start = ContinuousClock.now
        let delay = await withCheckedContinuation { continuation in
            DispatchQueue.main.asyncAfter(deadline: .now() + 30) {
                continuation.resume(returning: start.duration(to: .now))
            }
        }
        #expect(delay == .seconds(30))
    }

    @Test("other queues of Dispatch keep real time", .virtualTime(grace: .seconds(10)))
    func otherQueuesKeepRealTime() async throws {
        try await sleep(.seconds(3600))
        let before = machineTime()
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(deadline: .now() + 0.02) { continuation.resume() }
        }
        #expect(machineTime() - before >= 0.02)
    }

    @Test("LoopClock has the time of the loop", .virtualTime) func loopClock() async throws {
        let start = LoopClock().now
        try await Task.sleep(for: .seconds(3), clock: .loop)
        #expect(start.duration(to: LoopClock().now) == .seconds(3))
        let loop = try EventLoop.running
        #expect(loop.now == LoopClock().now)
        let task = createTask { try await Task.sleep(for: .seconds(3), clock: .loop) }
        try await settled()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("in real time, and without a loop, LoopClock is the machine's") nonisolated func loopClockInRealTime() async {
        await Task.detached {
            let before = ContinuousClock.now
            let now = LoopClock().now
            #expect(before <= now && now <= ContinuousClock.now)
        }.value
    }

    @Test("a thread sees the machine's time", .virtualTime) func threadsSeeRealTime() async throws {
        try await sleep(.seconds(1_000_000))
        let date = try await toThread { Date() }
        #expect(date.timeIntervalSinceReferenceDate > 700_000_000)
    }

    @Test("a certificate is checked in the machine's time") func certificates() throws {
        // Made in real time.
        _ = Certificates.localhost
        try runInVirtualTime(grace: .seconds(10)) {
            #expect(Date().timeIntervalSinceReferenceDate < 1)
            try await withTLSServer { port in
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: try clientContext())
                try await writer.write("hello\n")
                #expect(text(try await reader.readLine()) == "hello\n")
                writer.close()
            }
        }
    }

    @Test("hash values are the same in every process") func hashing() {
        var hasher = Hasher()
        hasher.combine("swift-asyncio")
        #expect(Set((0..<100).map { "\($0)" }).sorted().count == 100)
        #expect(hasher.finalize() == Self.knownHash)
    }
    nonisolated static let knownHash = -6_772_274_255_912_436_915
}

private func blockTheThread() {
    blockTheThread(for: 3600)
    block(.milliseconds(500))
}

private func blockTheThread(for seconds: Double) { Thread.sleep(forTimeInterval: seconds) }

/// The machine's time in seconds, also on a thread in virtual time.
private func machineTime() -> Double { Double(SystemClock.now()) / 1e9 }

@Suite("Other threads in virtual time") struct ForeignWaitTests {
    /// Resumes a continuation on a thread, after some real time.
    nonisolated private func answer(after seconds: Double) async -> Int {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var time = timespec(tv_sec: 0, tv_nsec: Int(seconds * 1e9))
                nanosleep(&time, nil)
                continuation.resume(returning: 7)
            }
        }
    }

    @Test("a thread that answers soon comes before the next timer", .virtualTime(grace: .seconds(10)))
    func answerBeforeTimer() async throws {
        for _ in 0..<20 {
            #expect(try await withTimeout(.milliseconds(1)) { await answer(after: 0.002) } == 7)
        }
        let elapsed = try VirtualClock.current.elapsed
        #expect(elapsed == .zero)
    }

    @Test("the loop gives up on a thread that does not answer", .virtualTime(grace: .milliseconds(1)))
    func lateAnswer() async throws {
        // A stream of the standard library, which receives nothing and which ends when the task is cancelled.
        let (stream, source) = AsyncStream<Int>.makeStream()
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(60)) {
                for await _ in stream {}
                try Task.checkCancellation()
            }
        }
        #expect(try VirtualClock.current.elapsed == .seconds(60))
        source.finish()
    }

    @Test("a continuation that is not resumed fails its test and no other")
    func neverResumed() throws {
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime(grace: .milliseconds(1)) {
                let never = createTask(name: "never") {
                    await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
                }
                try await never.value
            }
        }
        #expect(error?.description.contains("waits for code outside of asyncio") == true)
        try runInVirtualTime { try await sleep(.seconds(1)) }
    }

    @Test("waiting for other tasks of the loop costs little real time", .virtualTime) func cheapGroups() async throws {
        let before = machineTime()
        let (stream, source) = AsyncStream<Int>.makeStream()
        let producer = createTask {
            for number in 0..<1_000 {
                try await sleep(.seconds(1))
                source.yield(number)
            }
            source.finish()
        }
        var count = 0
        for await _ in stream { count += 1 }
        try await producer.value
        #expect(count == 1_000)
        #expect(machineTime() - before < 30)
    }

    @Test("work on threads is waited for, however short the grace", .virtualTime(grace: .zero))
    func workIsWaitedFor() async throws {
        let value = try await withTimeout(.milliseconds(1)) {
            try await toThread {
                block(.milliseconds(20))
                return 5
            }
        }
        #expect(value == 5)
    }
}

@Suite("Tools for tests in virtual time") struct VirtualTimeToolTests {
    @Test("settled() returns when nothing else can run, and before time goes on", .virtualTime) func settles()
        async throws
    {
        let queue = Queue<Int>()
        var got: [Int] = []
        let consumer = createTask { while true { got.append(try await queue.get()) } }
        let sleeper = createTask { try await sleep(.seconds(1)) }
        for number in 0..<10 { try queue.putNoWait(number) }
        try await settled()
        #expect(got == Array(0..<10))
        #expect(!sleeper.isDone)
        let elapsed = try VirtualClock.current.elapsed
        #expect(elapsed == .zero)
        consumer.cancel()
        try await sleeper.value
    }

    @Test("several tasks in settled() continue one after the other", .virtualTime) func settlesInOrder() async throws {
        var order: [String] = []
        let tasks = ["a", "b", "c"].map { name in
            createTask {
                try await settled()
                order.append(name)
                for _ in 0..<5 { try await sleep(.zero) }
                order.append("\(name) again")
            }
        }
        for task in tasks { try await task.value }
        #expect(order == ["a", "a again", "b", "b again", "c", "c again"])
    }

    @Test("settled() works in real time", .eventLoop) func settlesInRealTime() async throws {
        var count = 0
        let task = createTask {
            for _ in 0..<100 {
                try await sleep(.zero)
                count += 1
            }
        }
        try await settled()
        #expect(count == 100)
        try await task.value
    }

    @Test("settled() can be cancelled", .virtualTime) func settledCanBeCancelled() async throws {
        let busy = createTask { while true { try await sleep(.zero) } }
        let task = createTask { try await settled() }
        for _ in 0..<10 { try await sleep(.zero) }
        #expect(!task.isDone)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        busy.cancel()
    }

    @Test("a clock can be stepped by hand", .virtualTime) func steppedByHand() async throws {
        let clock = try VirtualClock.current
        clock.isAutomatic = false
        var fired: [Int] = []
        let task = createTask {
            for number in 1...3 {
                try await sleep(.seconds(10))
                fired.append(number)
            }
        }
        try await settled()
        try await clock.advance(by: .seconds(9))
        #expect(fired == [])
        try await clock.advance(by: .seconds(1))
        #expect(fired == [1])
        try await clock.advance(by: .seconds(15))
        #expect(fired == [1, 2])
        #expect(clock.elapsed == .seconds(25))
        clock.isAutomatic = true
        try await task.value
        #expect(clock.elapsed == .seconds(30))
    }

    @Test("a clock that is not stepped ends in a deadlock") func unsteppedClock() throws {
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                try VirtualClock.current.isAutomatic = false
                try await sleep(.seconds(1))
            }
        }
        #expect(error?.description.contains("the clock is only stepped manually") == true)
    }

    @Test("a step that is cancelled leaves the clock where it is", .virtualTime) func cancelledStep() async throws {
        let clock = try VirtualClock.current
        clock.isAutomatic = false
        let step = createTask { try await clock.advance(by: .seconds(10)) }
        let other = createTask { try await sleep(.seconds(20)) }
        try await sleep(.zero)
        step.cancel()
        await #expect(throws: CancellationError.self) { try await step.value }
        try await settled()
        #expect(clock.elapsed == .zero)
        other.cancel()
    }

    @Test("there is no virtual clock in real time", .eventLoop) func noVirtualClock() throws {
        #expect(throws: RuntimeError.self) { _ = try VirtualClock.current }
    }

    @Test("reports can be recorded", .virtualTime) func recordsReportRecorder() async throws {
        let reports = try ReportRecorder()
        createTask { throw Boom(1) }
        try await settled()
        #expect(reports.messages == ["Task exception was never retrieved"])
        #expect(reports.reports.first?.error as? Boom == Boom(1))
    }
}
