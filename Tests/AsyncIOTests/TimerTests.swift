import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

@Suite struct TimerTests {
    @Test func callLaterCountsFromTheMomentOfTheCall() throws {
        try withVirtualTimeLoop { loop in
            let start = loop.now
            var firedAt: ContinuousClock.Instant?
            let timer = try loop.callLater(.milliseconds(10)) {
                firedAt = loop.now
                loop.stop()
            }
            #expect(timer.when == start.advanced(by: .milliseconds(10)))
            try loop.runForever()
            #expect(firedAt == timer.when)
        }
    }

    @Test func callAtTakesAnInstantOfTheLoopsClock() throws {
        try withVirtualTimeLoop { loop in
            let log = Log()
            let start = loop.now
            try loop.callAt(start.advanced(by: .seconds(2))) {
                log("second")
                loop.stop()
            }
            try loop.callAt(start.advanced(by: .seconds(1))) { log("first") }
            try loop.runForever()
            #expect(log.lines == ["first", "second"])
            #expect(loop.now - start == .seconds(2))
        }
    }

    @Test func equalDeadlinesFireInTheOrderTheyWereSetIn() throws {
        try withVirtualTimeLoop { loop in
            var order: [Int] = []
            let deadline = loop.now.advanced(by: .seconds(1))
            for number in 0..<100 { try loop.callAt(deadline) { order.append(number) } }
            try loop.callAt(deadline) { loop.stop() }
            try loop.runForever()
            #expect(order == Array(0..<100))
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(Int64.min)])
    func aDelayThatHasPassedFiresAfterWhatIsReady(_ delay: Duration) throws {
        try withVirtualTimeLoop { loop in
            let log = Log()
            try loop.callLater(delay) { log("timer in turn \(loop.turns)") }
            try loop.callSoon { log("callback in turn \(loop.turns)") }
            loop.stop()
            try loop.runForever()
            #expect(log.lines == ["callback in turn 1", "timer in turn 1"])
        }
    }

    @Test func timersAreNeverEarly() async throws {
        let loop = try EventLoop.running
        for microseconds in [1, 10, 100, 1_000, 5_000] {
            let delay = Duration.microseconds(microseconds)
            let start = ContinuousClock.now
            let future = Future<ContinuousClock.Instant>()
            let timer = try loop.callLater(delay) { try future.setResult(loop.now) }
            let firedAt = try await future.value
            #expect(firedAt >= timer.when)
            #expect(ContinuousClock.now - start >= delay)
        }
    }

    @Test func aDeadlineOfThisVeryNanosecondFiresInThisTurn() throws {
        try withVirtualTimeLoop { loop in
            // So late that a clock in floating-point seconds would have lost the nanosecond.
            let late = loop.now.advanced(by: .seconds(1 << 33))
            var fired: [Int] = []
            try loop.callAt(late) {
                try loop.callAt(late) { fired.append(0) }
                try loop.callAt(late.advanced(by: .nanoseconds(1))) { fired.append(1) }
                try loop.callSoon {
                    #expect(loop.now == late)
                    #expect(fired == [])
                    try loop.callSoon {
                        #expect(fired == [0])
                        loop.stop()
                    }
                }
            }
            try loop.runForever()
            loop.stop()
            try loop.runForever()
            #expect(fired == [0] || fired == [0, 1])
        }
    }

    @Test func aDelayBeyondAllTimeIsNeverReached() throws {
        try withLoop { loop in
            try loop.callLater(.seconds(Int64.max)) { Issue.record("the timer fired") }
            try loop.callLater(.milliseconds(1)) { loop.stop() }
            try loop.runForever()
        }
    }

    @Test func theLoopSleepsUntilTheNearestTimer() throws {
        try withLoop { loop in
            try loop.callLater(.seconds(3600)) {}
            try loop.callLater(.milliseconds(20)) { loop.stop() }
            let start = ContinuousClock.now
            try loop.runForever()
            #expect(ContinuousClock.now - start >= .milliseconds(20))
            // A loop that did not sleep would make thousands of turns. Two would be enough, but the
            // runner's own wake-ups arrive here too.
            #expect(loop.turns < 100)
        }
    }

    @Test @concurrent func shortSleepsDoNotSpin() async {
        await #expect(processExitsWith: .success) { @MainActor in
            try withLoop { loop in
                try loop.runUntilComplete {
                    for exponent in [2, 4, 6, 8, 10] {
                        var delay = Duration.seconds(1)
                        for _ in 0..<exponent { delay /= 10 }
                        try await sleep(delay)
                    }
                }
                // asyncio's own limit.
                exit(loop.turns <= 20 ? 0 : 1)
            }
        }
    }

    // MARK: Cancelling

    @Test func aCancelledTimerDoesNotFireThoughItsTimeHasCome() throws {
        try withVirtualTimeLoop { loop in
            let log = Log()
            var second: TimerHandle?
            try loop.callLater(.seconds(1)) {
                log("first")
                second?.cancel()
            }
            second = try loop.callLater(.seconds(1)) { log("second") }
            try loop.callLater(.seconds(1)) { loop.stop() }
            try loop.runForever()
            #expect(log.lines == ["first"])
        }
    }

    @Test func cancelledTimersLeaveTheLoop() throws {
        try withVirtualTimeLoop { loop in
            var timers: [TimerHandle] = []
            for number in 0..<1_000 { timers.append(try loop.callLater(.seconds(number + 2)) {}) }
            for timer in timers.shuffled() { timer.cancel() }
            #expect(loop.timerCount == 0)
            // There is nothing else to jump to.
            try loop.callLater(.seconds(1)) { loop.stop() }
            let start = loop.now
            try loop.runForever()
            #expect(loop.now - start == .seconds(1))
        }
    }

    @Test func cancellingSomeTimersLeavesTheOthersInOrder() throws {
        try withVirtualTimeLoop { loop in
            var generator = SystemRandomNumberGenerator()
            var fired: [Int] = []
            var timers: [(Int, TimerHandle)] = []
            for _ in 0..<500 {
                let delay = Int.random(in: 1...200, using: &generator)
                timers.append((delay, try loop.callLater(.milliseconds(delay)) { fired.append(delay) }))
            }
            timers.shuffle()
            for (_, timer) in timers.prefix(250) { timer.cancel() }
            try loop.callLater(.seconds(1)) { loop.stop() }
            try loop.runForever()
            #expect(fired == timers.dropFirst(250).map(\.0).sorted())
        }
    }
}
