import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Dispatch
import Foundation
import Testing

/// The machine's time, on every thread.
nonisolated private func machineTime() -> Duration { .nanoseconds(SystemClock.now()) }

/// Returns the result of `body` on a thread that the loop does not know.
nonisolated private func onThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in onForeignThread { continuation.resume(returning: body()) } }
}

/// Returns the time that `body` takes on the clock of its thread.
nonisolated private func measured(_ body: () -> Void) -> Duration {
    let start = ContinuousClock.now
    body()
    return start.duration(to: .now)
}

@Suite("Threads that follow a loop in virtual time") struct FollowingThreadsTests {
    @Test("all clocks of another thread show the time of the loop", .virtualTime(threads: .virtual))
    func clocks() async throws {
        try await sleep(.seconds(3_600))
        let here = (ContinuousClock.now, SuspendingClock.now, Date(), DispatchTime.now(), time(nil))
        let there = await onThread { (ContinuousClock.now, SuspendingClock.now, Date(), DispatchTime.now(), time(nil)) }
        #expect(here == there)
        #expect(there.2.timeIntervalSinceReferenceDate == 3_600)
    }

    @Test("a date that is set applies to other threads", .virtualTime(threads: .virtual)) func date() async throws {
        try VirtualClock.current.setDate(since1970: .seconds(1_000_000_000))
        let date = await onThread { Date() }
        #expect(date.timeIntervalSince1970 == 1_000_000_000)
    }

    @Test("the library reads the machine's clock", .virtualTime(threads: .virtual)) func machine() async throws {
        let before = machineTime()
        try await sleep(.seconds(3_600))
        let after = await onThread { machineTime() }
        #expect(after - before < .seconds(1_000))
    }

    @Test("work on a thread that waits for a timer does not hold up the loop", .virtualTime(threads: .virtual))
    func workThatWaits() async throws {
        let start = machineTime()
        try await toThread {
            let semaphore = DispatchSemaphore(value: 0)
            DispatchQueue.global().asyncAfter(deadline: .now() + 1_800) { semaphore.signal() }
            semaphore.wait()
        }
        let count = try await toThread {
            let timer = KernelTimer()
            defer { timer.close() }
            timer.set(.seconds(1_800))
            return timer.wait()
        }
        #expect(count == 1)
        #expect(try VirtualClock.current.elapsed == .seconds(3_600))
        // Without threads that follow, the loop would wait a minute for each.
        #expect(machineTime() - start < .seconds(50))
    }

    // MARK: Timers of the kernel

    @Test(
        "a timer of the kernel expires at its time, on every clock", .virtualTime(threads: .virtual),
        arguments: [CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME], [false, true])
    func kernelTimer(clock: CInt, isAbsolute: Bool) async throws {
        try await sleep(.seconds(10))
        let (count, duration) = await onThread {
            let timer = KernelTimer(clock: clock)
            defer { timer.close() }
            var now = timespec()
            if isAbsolute { clock_gettime(clock, &now) }
            var count: UInt64 = 0
            let duration = measured {
                timer.set(Duration(now) + .seconds(3_600), isAbsolute: isAbsolute)
                count = timer.wait()
            }
            return (count, duration)
        }
        #expect(count == 1)
        #expect(duration == .seconds(3_600))
        #expect(try VirtualClock.current.elapsed == .seconds(3_610))
    }

    @Test("a periodic timer expires at each interval", .virtualTime(threads: .virtual)) func periodicTimer()
        async throws
    {
        let durations = await onThread { () -> [Duration] in
            let timer = KernelTimer()
            defer { timer.close() }
            let start = ContinuousClock.now
            timer.set(.seconds(5), every: .seconds(60))
            return (0..<10).map { _ in
                _ = timer.wait()
                return start.duration(to: .now)
            }
        }
        #expect(durations == (0..<10).map { .seconds(5 + 60 * $0) })
    }

    @Test("a timer that is unset or set again does not expire at its old time", .virtualTime(threads: .virtual))
    func unsetTimer() async throws {
        let timer = KernelTimer()
        defer { timer.close() }
        timer.set(.seconds(10))
        #expect(timer.set(.zero).previous == .seconds(10))
        try await sleep(.seconds(20))
        #expect(!timer.hasExpired)
        timer.set(.seconds(10))
        try await sleep(.seconds(3))
        #expect(timer.left.value == .seconds(7))
        #expect(timer.set(.seconds(30), every: .seconds(4)).previous == .seconds(7))
        try await sleep(.seconds(29))
        #expect(!timer.hasExpired)
        try await sleep(.seconds(1))
        #expect(timer.hasExpired)
        #expect(timer.left.value == .seconds(4))
        #expect(timer.left.interval == .seconds(4))
        #expect(timer.set(.zero).previous == .seconds(4))
        #expect(!timer.hasExpired)
    }

    @Test("a time that has passed expires at once", .virtualTime(threads: .virtual)) func pastTimer() async throws {
        try await sleep(.seconds(100))
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let timer = KernelTimer()
        defer { timer.close() }
        timer.set(Duration(now) - .seconds(50), isAbsolute: true)
        #expect(timer.hasExpired)
    }

    @Test("invalid arguments fail as usual", .virtualTime(threads: .virtual)) func invalidArguments() async throws {
        let timer = KernelTimer()
        #expect(timer.set(.seconds(-1)).result == -1)
        #expect(errno == EINVAL)
        timer.close()
        #expect(timer.set(.seconds(1)).result == -1)
        #expect(errno == EBADF)
    }

    @Test("the timer of a descriptor that was closed does no harm", .virtualTime(threads: .virtual))
    func closedTimer() async throws {
        let timer = KernelTimer()
        timer.set(.seconds(10))
        timer.close()
        // The number is used again, by something else and by another timer.
        let pipe = Foundation.Pipe()
        let other = KernelTimer()
        defer { other.close() }
        try await sleep(.seconds(20))
        #expect(!other.hasExpired)
        withExtendedLifetime(pipe) {}
    }

    @Test("a deadlock is reported if only a closed descriptor had a timer") func deadlock() throws {
        #expect(throws: DeadlockError.self) {
            try runInVirtualTime(grace: .milliseconds(1), threads: .virtual) { () async throws -> Void in
                let timer = KernelTimer()
                timer.set(.seconds(10))
                timer.close()
                try await Event().wait()
            }
        }
    }

    @Test("timers that are set before follow, and what is left at the end passes in real time") func beforeAndAfter()
        throws
    {
        let (early, late) = (KernelTimer(), KernelTimer())
        defer {
            early.close()
            late.close()
        }
        early.set(.seconds(1_000))
        try runInVirtualTime(threads: .virtual) {
            late.set(.seconds(5_000))
            try await sleep(.seconds(900))
            #expect(!early.hasExpired)
            try await sleep(.seconds(100))
            #expect(early.hasExpired)
        }
        #expect(late.left.value <= .seconds(4_000))
        #expect(late.left.value > .seconds(3_000))
        late.set(.milliseconds(1))
        #expect(late.wait() == 1)
    }

    @Test("one run after another, and one inside another") func runs() throws {
        let timer = KernelTimer()
        defer { timer.close() }
        try runInVirtualTime(threads: .virtual) { try await sleep(.seconds(10_000)) }
        try runInVirtualTime(threads: .virtual) {
            timer.set(.seconds(100))
            try await sleep(.seconds(40))
            try runInVirtualTime(threads: .virtual) {
                let here = ContinuousClock.now
                #expect(await onThread { ContinuousClock.now } == here)
                try await sleep(.seconds(20))
                #expect(timer.left.value == .seconds(40))
            }
            #expect(timer.left.value == .seconds(40))
            let here = ContinuousClock.now
            #expect(await onThread { ContinuousClock.now } == here)
            try await sleep(.seconds(40))
            #expect(timer.hasExpired)
        }
        #expect(abs((ContinuousClock.now - ContinuousClock.Instant.now).components.seconds) < 1)
    }

    // MARK: Threads that sleep

    @Test("a thread that sleeps waits for the loop", .virtualTime(threads: .virtual)) func sleepingThread() async throws
    {
        let durations = await onThread {
            [
                measured { sleep(10) }, measured { usleep(500_000) }, measured { Thread.sleep(forTimeInterval: 3_600) },
                measured { Thread.sleep(until: Date(timeIntervalSinceNow: 60)) },
            ]
        }
        #expect(durations[0...1] == [.seconds(10), .milliseconds(500)])
        #expect(durations[2] >= .seconds(3_600) && durations[2] < .milliseconds(3_600_001))
        #expect(durations[3] >= .seconds(60) && durations[3] < .milliseconds(60_001))
    }

    @Test("work on a thread can sleep", .virtualTime(threads: .virtual)) func sleepingWork() async throws {
        let before = machineTime()
        try await toThread { block(.seconds(100)) }
        #expect(try VirtualClock.current.elapsed == .seconds(100))
        #expect(machineTime() - before < .seconds(50))
    }

    @Test("the rest of a sleep at the end passes in real time") func sleepAtTheEnd() throws {
        let gate = ThreadGate()
        try runInVirtualTime(threads: .virtual) {
            onForeignThread {
                block(.milliseconds(20))
                gate.open()
            }
            try await sleep(.milliseconds(10))
        }
        gate.wait()
    }

    @Test("a sleep of Foundation that began in virtual time does not take longer after the end")
    func foundationSleepAtTheEnd() throws {
        let gate = ThreadGate()
        let sleeper = Guarded<Int32>(0)
        let start = machineTime()
        try runInVirtualTime(threads: .virtual) {
            try await sleep(.seconds(120))
            onForeignThread {
                sleeper.withLock { $0 = AsyncIOSystem.Thread.number }
                Foundation.Thread.sleep(forTimeInterval: 0.05)
                gate.open()
            }
            // The run ends while the thread sleeps.
            while !isAsleep(sleeper.withLock { $0 }) { sched_yield() }
        }
        gate.wait()
        #expect(machineTime() - start < .seconds(60))
    }

    @Test("a thread that sleeps continues to follow after a test in real time", .virtualTime(threads: .virtual))
    func sleepAroundRealTime() async throws {
        for sleep in [{ Foundation.Thread.sleep(forTimeInterval: 600) }, { block(.seconds(600)) }]
            as [@Sendable () -> Void]
        {
            let start = ContinuousClock.now
            let sleeper = Guarded<Int32>(0)
            let work = createTask {
                try await toThread {
                    sleeper.withLock { $0 = AsyncIOSystem.Thread.number }
                    sleep()
                }
            }
            while !isAsleep(sleeper.withLock { $0 }) { try await AsyncIO.sleep(.zero) }
            try runInVirtualTime { try await toThread { block(.milliseconds(20)) } }
            try await work.value
            #expect(start.duration(to: .now) == .seconds(600))
        }
    }

    @Test("a thread that begins to sleep during a test in real time follows afterward", .virtualTime(threads: .virtual))
    func sleepDuringRealTime() async throws {
        let sleeper = Guarded<Int32>(0)
        let (begin, end) = (ThreadGate(), ThreadGate())
        onForeignThread {
            sleeper.withLock { $0 = AsyncIOSystem.Thread.number }
            begin.wait()
            block(.seconds(600))
            end.open()
        }
        try runInVirtualTime {
            begin.open()
            while !isAsleep(sleeper.withLock { $0 }) { sched_yield() }
        }
        let start = machineTime()
        try await toThread { end.wait() }
        #expect(machineTime() - start < .seconds(300))
    }

    // MARK: Waits with a time limit

    @Test("the limit of a blocking wait passes in real time, on every clock", .virtualTime(threads: .virtual))
    func limits() async throws {
        try await sleep(.seconds(3_600))
        let waits: [@Sendable () -> Bool] = [
            { DispatchSemaphore(value: 0).wait(timeout: .now() + 0.02) == .timedOut },
            { DispatchSemaphore(value: 0).wait(wallTimeout: .now() + 0.02) == .timedOut },
            {
                let condition = NSCondition()
                condition.lock()
                defer { condition.unlock() }
                return !condition.wait(until: Date(timeIntervalSinceNow: 0.02))
            },
            { waitsForCondition(clock: CLOCK_MONOTONIC) == ETIMEDOUT },
            { waitsForCondition(clock: CLOCK_REALTIME) == ETIMEDOUT },
        ]
        for wait in waits {
            // On the loop's thread, and on another one.
            for isHere in [true, false] {
                let before = machineTime()
                let isTimeout = isHere ? wait() : await onThread(wait)
                #expect(isTimeout)
                #expect(machineTime() - before >= .milliseconds(19))
                #expect(machineTime() - before < .seconds(60))
            }
        }
    }

    // MARK: Dispatch

    @Test("a timer of a global queue follows", .virtualTime(threads: .virtual)) func dispatchAfter() async throws {
        try await sleep(.seconds(3_600))
        let start = ContinuousClock.now
        for delay in [30.0, 0.5, 7_200] {
            let before = ContinuousClock.now
            let duration = await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now() + delay) {
                    continuation.resume(returning: before.duration(to: .now))
                }
            }
            #expect(duration == .seconds(delay))
        }
        #expect(start.duration(to: .now) == .seconds(7_230.5))
    }

    @Test("a date as a deadline of Dispatch follows", .virtualTime(threads: .virtual)) func dispatchDate() async throws
    {
        let duration = await withCheckedContinuation { continuation in
            let before = ContinuousClock.now
            DispatchQueue.global().asyncAfter(wallDeadline: .now() + 30) {
                continuation.resume(returning: before.duration(to: .now))
            }
        }
        #expect(duration >= .seconds(30) && duration < .milliseconds(30_001))
    }

    @Test("a periodic source of Dispatch fires at each interval", .virtualTime(threads: .virtual))
    func dispatchSource() async throws {
        let (ticks, continuation) = AsyncStream.makeStream(of: Duration.self)
        let start = ContinuousClock.now
        let source = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "ticks"))
        source.setEventHandler { @Sendable in continuation.yield(start.duration(to: .now)) }
        source.schedule(deadline: .now() + 5, repeating: 60, leeway: .nanoseconds(0))
        source.activate()
        var durations: [Duration] = []
        for await tick in ticks {
            durations.append(tick)
            if durations.count == 20 { break }
        }
        source.cancel()
        #expect(durations == (0..<20).map { .seconds(5 + 60 * $0) })
    }

    @Test("a deadlock is reported after Dispatch has started its threads") func deadlockWithDispatch() throws {
        #expect(throws: DeadlockError.self) {
            try runInVirtualTime(grace: .milliseconds(1), threads: .virtual) {
                await withCheckedContinuation { continuation in
                    DispatchQueue.global().asyncAfter(deadline: .now() + 30) { continuation.resume() }
                }
                try await Event().wait()
            }
        }
    }

    // MARK: One at a time

    @Test("threads have real time while a test in real time runs inside", .virtualTime(threads: .virtual))
    func realTimeInside() async throws {
        let timer = KernelTimer()
        defer { timer.close() }
        timer.set(.seconds(100))
        try await sleep(.seconds(10))
        try runInVirtualTime {
            try await toThread { block(.milliseconds(1)) }
            let date = await onThread { Date() }
            #expect(date.timeIntervalSinceReferenceDate > 700_000_000)
            #expect(timer.left.value <= .seconds(90))
        }
        let here = ContinuousClock.now
        #expect(await onThread { ContinuousClock.now } == here)
        try await sleep(.seconds(100))
        #expect(timer.hasExpired)
    }

    @Test("tests whose threads follow do not run inside one another") func testsTakeTurns() async throws {
        let (test, testCase) = (try #require(Test.current), Test.Case.current)
        let events = Guarded<[String]>([])
        let run = { @MainActor @Sendable in
            try await VirtualTimeTrait.virtualTime(threads: .virtual).provideScope(for: test, testCase: testCase) {
                events.withLock { $0.append("begin") }
                // The other test could begin now.
                await onThread {
                    let end = machineTime() + .milliseconds(50)
                    while machineTime() < end {}
                }
                events.withLock { $0.append("end") }
            }
        }
        // The second test begins while the loop of the first one runs.
        let second = Guarded<Task<Void, any Error>?>(nil)
        onForeignThread {
            while events.withLock({ $0.isEmpty }) { sched_yield() }
            second.withLock { $0 = Task { @MainActor in try await run() } }
        }
        try await run()
        while second.withLock({ $0 }) == nil { await Task.yield() }
        try await second.withLock { $0 }?.value
        #expect(events.withLock { $0 } == ["begin", "end", "begin", "end"])
    }

    @Test("a loop that is followed cannot wait for a second one", .virtualTime(threads: .virtual)) func nested()
        async throws
    {
        await #expect(throws: RuntimeError.self) { try await runInVirtualTime(threads: .virtual) { _ in } }
    }
}

/// Waits for a condition that nothing signals, up to 20 ms, and returns the result.
nonisolated private func waitsForCondition(clock: CInt) -> CInt {
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, clock)
    let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_cond_init(condition, &attributes)
    pthread_mutex_init(mutex, nil)
    defer {
        condition.deallocate()
        mutex.deallocate()
    }
    var now = timespec()
    clock_gettime(clock, &now)
    var limit = timespec(Duration(now) + .milliseconds(20))
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return pthread_cond_timedwait(condition, mutex, &limit)
}

/// Whether a thread of this process waits in the kernel, and has done so for a while.
private func isAsleep(_ number: Int32) -> Bool {
    for _ in 0..<20 {
        let fields = (try? String(contentsOfFile: "/proc/self/task/\(number)/stat", encoding: .utf8))?.split(
            separator: " ")
        guard let fields, fields.count > 2, fields[2] == "S" else { return false }
        sched_yield()
    }
    return true
}
