import AsyncIO
import AsyncIOTesting
import Glibc
import Synchronization
import Testing
@_spi(ExperimentalCustomExecutors) import _Concurrency

/// Many threads that leave work for a loop. Nothing is lost, and the order of each thread is kept.
@Suite struct ThreadCrossingTests {
    /// What has arrived, by sender. Loop thread only.
    private final class Arrivals {
        var latest: [Int]
        var isInOrder = true
        var count = 0
        init(senders: Int) { latest = Array(repeating: -1, count: senders) }

        func note(_ sender: Int, _ number: Int) {
            if latest[sender] != number - 1 { isInOrder = false }
            latest[sender] = number
            count += 1
        }
    }

    @Test func everySendersCallbacksAndTasksKeepTheirOrder() throws {
        try withLoop { loop in
            let (senders, each) = (8, 3_000)
            // Swift's runtime may start a task in two steps, so each kind is compared only with
            // itself.
            let (callbacks, tasks) = (Arrivals(senders: senders), Arrivals(senders: senders))
            let count = Counter()
            for sender in 0..<senders {
                onForeignThread {
                    for number in 0..<each {
                        // Alternates between work sent through the loop and through Swift's
                        // runtime.
                        _ = try? loop.callSoonThreadSafe {
                            onLoop { callbacks.note(sender, number) }
                            if count.increase() == 2 * senders * each { loop.stop() }
                        }
                        Task { @MainActor in
                            tasks.note(sender, number)
                            if count.increase() == 2 * senders * each { loop.stop() }
                        }
                    }
                }
            }
            try loop.runForever()
            #expect(callbacks.count == senders * each)
            #expect(tasks.count == senders * each)
            #expect(callbacks.isInOrder)
            #expect(tasks.isInOrder)
        }
    }

    @Test func everyWakeUpOfALoopThatFallsAsleepArrives() throws {
        try withLoop { loop in
            // The loop sleeps between any two, or is about to.
            let (rounds, isOver) = (20_000, Flag())
            let round = Counter()
            onForeignThread {
                for number in 0..<rounds {
                    while round.value < number {}
                    _ = try? loop.callSoonThreadSafe { if round.increase() == rounds { loop.stop() } }
                }
                isOver.set()
            }
            try loop.runForever()
            isOver.wait()
            #expect(round.value == rounds)
        }
    }

    @Test func whatOthersSendIsDoneInPartsBetweenWhichTimersGetTheirTurn() throws {
        try withLoop { loop in
            let (total, ran, atTimer) = (10_000, Counter(), Counter())
            try loop.callSoon {
                // All of it arrives before the next turn.
                let isSent = Flag()
                onForeignThread {
                    for _ in 0..<total {
                        _ = try? loop.callSoonThreadSafe { if ran.increase() == total { loop.stop() } }
                    }
                    isSent.set()
                }
                isSent.wait()
                try loop.callLater(.zero) { atTimer.increase(by: ran.value) }
            }
            try loop.runForever()
            #expect(ran.value == total)
            #expect(atTimer.value > 0)
            #expect(atTimer.value < total / 2)
        }
    }

    /// Runs `body` with a loop, inside ``atTopLevel(_:)``.
    private func withNextLoop(_ body: (EventLoop) throws -> Void) throws {
        let loop = try EventLoop()
        let result = Result { try body(loop) }
        try loop.close()
        try result.get()
    }

    /// Waits until what was sent has arrived. A task can take two steps.
    private func runSomeTurns() throws {
        try withNextLoop { loop in
            for _ in 0..<4 {
                loop.stop()
                try loop.runForever()
            }
        }
    }

    @Test func tasksThatALoopHasNotTakenWhenItEndsRunOnTheNextOne() throws {
        try atTopLevel {
            let ran = Counter()
            try withNextLoop { loop in
                try loop.callSoon {
                    let isSent = Flag()
                    onForeignThread {
                        for _ in 0..<5_000 { Task { @MainActor in ran.increase() } }
                        isSent.set()
                    }
                    isSent.wait()
                    loop.stop()
                }
                try loop.runForever()
            }
            #expect(ran.value == 0)
            try runSomeTurns()
            #expect(ran.value == 5_000)
        }
    }

    @Test func tasksFromOtherThreadsFindTheLoopThatRunsWhileLoopsComeAndGo() throws {
        try atTopLevel {
            let (isEnough, sent, ran, ended) = (Flag(), Counter(), Counter(), Counter())
            for _ in 0..<2 {
                onForeignThread {
                    while !isEnough.isSet {
                        sent.increase()
                        Task { @MainActor in ran.increase() }
                        block(.microseconds(5))
                    }
                    ended.increase()
                }
            }
            for _ in 0..<300 {
                try withNextLoop { loop in
                    try loop.callLater(.microseconds(200)) { loop.stop() }
                    try loop.runForever()
                }
            }
            isEnough.set()
            while ended.value < 2 { block(.microseconds(100)) }
            try runSomeTurns()
            #expect(sent.value > 0)
            #expect(ran.value == sent.value)
        }
    }

    @Test func aCallbackRunsWholeOrNotAtAllWhoeverCancelsIt() throws {
        try withLoop { loop in
            let (total, ran, over) = (20_000, Counter(), Counter())
            onForeignThread {
                for _ in 0..<total {
                    let (begun, ended) = (Counter(), Counter())
                    guard
                        let handle = try? loop.callSoonThreadSafe({
                            begun.increase()
                            ended.increase()
                        })
                    else { break }
                    let isOver = Flag()
                    // Two threads cancel it while the loop may be running it.
                    if ran.increase() % 100 == 0 {
                        onForeignThread {
                            handle.cancel()
                            isOver.set()
                        }
                    } else {
                        isOver.set()
                    }
                    handle.cancel()
                    #expect(begun.value == ended.value)
                    isOver.wait()
                    #expect(begun.value == ended.value)
                    #expect(handle.isCancelled)
                    over.increase()
                }
                _ = try? loop.callSoonThreadSafe { loop.stop() }
            }
            try loop.runForever()
            #expect(over.value == total)
        }
    }

    @Test func whatACancelledOrForgottenCallbackHoldsIsLetGo() throws {
        weak var cancelled: Counter?
        weak var forgotten: Counter?
        weak var run: Counter?
        try withLoop { loop in
            let counters = (Counter(), Counter(), Counter())
            (cancelled, forgotten, run) = counters
            try loop.callSoonThreadSafe { [a = counters.0] in a.increase() }.cancel()
            #expect(counters.0.value == 0)
            try loop.callSoonThreadSafe { [c = counters.2] in c.increase() }
            loop.stop()
            try loop.runForever()
            #expect(counters.2.value == 1)
            let isSent = Flag()
            onForeignThread { [b = counters.1] in
                _ = try? loop.callSoonThreadSafe { b.increase() }
                isSent.set()
            }
            isSent.wait()
        }
        #expect(cancelled == nil)
        #expect(run == nil)
        // The thread may be in its last step.
        for _ in 0..<1_000 where forgotten != nil { block(.milliseconds(1)) }
        #expect(forgotten == nil)
    }

    // MARK: Swift's runtime

    /// Checks where the runtime lets an executor store its data.
    private final class Looker: TaskExecutor {
        let isRight = Flag()
        func enqueue(_ job: consuming ExecutorJob) {
            let expected = job.withUnsafeExecutorPrivateData { UInt(bitPattern: $0.baseAddress) }
            let job = UnownedJob(job)
            if UInt(bitPattern: EventLoop.executorWord(of: job)) == expected { isRight.set() }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    @Test func aJobHasRoomForItsExecutorWhereTheInboxKeepsTheNextOne() async {
        let looker = Looker()
        await Task(executorPreference: looker) {}.value
        #expect(looker.isRight.isSet)
    }
}
