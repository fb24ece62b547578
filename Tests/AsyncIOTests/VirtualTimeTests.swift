import AsyncIO
import AsyncIOTesting
import Synchronization
import Testing

@Suite struct VirtualTimeTests {
    // MARK: Time

    @Test func anHourOfAHundredThousandSleepersPassesInSeconds() throws {
        let began = ContinuousClock.now
        var awake = 0
        try runInVirtualTime {
            let duration = try await time {
                try await withAsyncTaskGroup { group in
                    for number in 0..<100_000 {
                        try group.createTask {
                            try await sleep(.seconds(3600) + .microseconds(number % 100))
                            awake += 1
                        }
                    }
                }
            }
            #expect(duration == .seconds(3600) + .microseconds(99))
        }
        #expect(awake == 100_000)
        #expect(ContinuousClock.now - began < .seconds(30))
    }

    @Test func timeStandsStillWhileThereIsSomethingToDo() throws {
        try runInVirtualTime {
            let duration = try await time { for _ in 0..<1_000 { try await sleep(.zero) } }
            #expect(duration == .zero)
        }
    }

    @Test func timersFireInTheOrderOfTheirDeadlinesThenOfTheirAge() throws {
        var order: [Int] = []
        try runInVirtualTime {
            try await gather(
                [3, 1, 2, 1].enumerated().map { index, seconds in
                    createTask {
                        try await sleep(.seconds(seconds))
                        order.append(index)
                    }
                })
        }
        #expect(order == [1, 3, 2, 0])
    }

    // MARK: Swift's own sleeps

    @Test(arguments: [1, 7, 50, 333, 1_001, 59_990, 3_600_000])
    func theStandardLibrarysSleepsFollow(milliseconds: Int) throws {
        let delay = Duration.milliseconds(milliseconds)
        try runInVirtualTime {
            let durations = [
                try await time { try await Task.sleep(for: delay) },
                try await time { try await Task.sleep(nanoseconds: UInt64(milliseconds) * 1_000_000) },
                try await time { try await Task.sleep(for: delay, clock: .suspending) },
                try await time { try await ContinuousClock().sleep(for: delay) },
                try await time { try await SuspendingClock().sleep(for: delay) },
            ]
            #expect(durations == Array(repeating: delay, count: durations.count))
        }
    }

    @Test func sleepsOfBothKindsWakeInTheOrderOfTheirTimes() throws {
        var order: [Int] = []
        try runInVirtualTime {
            let tasks = (0..<10).map { number in
                createTask {
                    let delay = Duration.milliseconds(10 * (10 - number))
                    if number.isMultiple(of: 2) { try await sleep(delay) } else { try await Task.sleep(for: delay) }
                    order.append(number)
                }
            }
            try await gather(tasks)
        }
        #expect(order == (0..<10).reversed())
    }

    @Test func plainSwiftTasksFollow() throws {
        try runInVirtualTime {
            let duration = try await time {
                try await withThrowingTaskGroup { group in
                    for number in 1...3 { group.addTask { try await Task.sleep(for: .seconds(number)) } }
                    try await group.waitForAll()
                }
                async let nap: Void = Task.sleep(for: .seconds(1))
                try await nap
                try await Task { try await Task.sleep(for: .seconds(1)) }.value
            }
            #expect(duration == .seconds(5))
        }
    }

    @Test func aSleepThatIsCancelledEndsAtOnce() throws {
        try runInVirtualTime {
            let task = createTask { try await Task.sleep(for: .seconds(3600)) }
            try await sleep(.seconds(1))
            task.cancel()
            let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
            #expect(duration == .zero)
        }
    }

    // MARK: Threads

    @Test func timeWaitsForWorkOnThreads() throws {
        try runInVirtualTime {
            let isReleased = Mutex(false)
            let ticker = createTask { try await sleep(.seconds(1)) }
            let duration = try await time {
                let sum = try await toThread {
                    // Long enough for a clock that does not wait.
                    let end = ContinuousClock.now + .milliseconds(20)
                    while ContinuousClock.now < end {}
                    isReleased.withLock { $0 = true }
                    return (1...100).reduce(0, +)
                }
                #expect(sum == 5050)
            }
            #expect(duration == .zero)
            #expect(!ticker.isDone)
            #expect(isReleased.withLock { $0 })
        }
    }

    // MARK: Deadlocks

    @Test func aDeadlockNamesWhoWaitsForWhatAndWhereItWasMade() throws {
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                let (first, second) = (Lock(), Lock())
                func take(_ one: Lock, then other: Lock) async throws {
                    try await one.withLock {
                        try await sleep(.seconds(1))
                        try await other.withLock {}
                    }
                }
                try await withAsyncTaskGroup { group in
                    try group.createTask(name: "there") { try await take(first, then: second) }
                    try group.createTask(name: "back") { try await take(second, then: first) }
                }
            }
        }
        let text = "\(try #require(error))"
        #expect(text.hasPrefix("deadlock: nothing is ready and no timer is set, but 3 tasks have not ended"))
        for name in ["there", "back"] {
            let line = try #require(text.split(separator: "\n").first { $0.contains("\"\(name)\"") })
            #expect(line.contains("waits for Lock.acquire()"))
            #expect(line.contains("created at ") && line.contains("AsyncIOTests/VirtualTimeTests.swift:"))
        }
    }

    @Test(arguments: [
        "Event.wait()", "Condition.wait()", "Semaphore.acquire()", "Queue.get()", "Queue.put()", "wait()",
    ])
    func aDeadlockTellsTheKindOfWait(kind: String) throws {
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                let condition = Condition()
                switch kind {
                case "Event.wait()": try await Event().wait()
                case "Condition.wait()": try await condition.withLock { try await condition.wait() }
                case "Semaphore.acquire()": try await Semaphore(0).acquire()
                case "Queue.get()": _ = try await Queue<Int>().get()
                case "Queue.put()":
                    let queue = Queue<Int>(maxSize: 1)
                    try await queue.put(1)
                    try await queue.put(2)
                default: try await wait([Future<Void>()])
                }
            }
        }
        #expect(error?.waiting.count == 1)
        #expect(error?.waiting.first?.contains(kind) == true)
    }

    @Test func aTaskThatWaitsForAnotherNamesIt() throws {
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                let task = createTask(name: "stuck") { try await Future<Void>().value }
                try await task.value
            }
        }
        #expect(error?.waiting.first?.contains("waits for Task \"stuck\"") == true)
    }

    @Test func aForeignWaitThatNeverEndsIsADeadlockToo() throws {
        #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                let (stream, continuation) = AsyncStream<Int>.makeStream()
                for await _ in stream {}
                continuation.finish()
            }
        }
    }

    @Test func tasksThatNobodyWaitsForAreNoDeadlock() throws {
        var waiting: AsyncTask<Void>?
        try runInVirtualTime { waiting = createTask { try await Future<Void>().value } }
        #expect(waiting?.wasCancelled == true)
    }

    // MARK: The loop

    @Test func errorsPassThrough() {
        #expect(throws: Boom(1)) { try runInVirtualTime { throw Boom(1) } }
    }

    @Test func whatIsLeftIsCancelledAndCleansUp() throws {
        var hasCleanedUp = false
        try runInVirtualTime {
            createTask {
                do {
                    try await sleep(.seconds(3600))
                } catch {
                    try await sleep(.seconds(60))
                    hasCleanedUp = true
                }
            }
            try await sleep(.seconds(1))
        }
        #expect(hasCleanedUp)
    }

    @Test func aLoopInVirtualTimeMayBeRunByHand() throws {
        try withVirtualLoop { virtual in
            let task = virtual.createTask {
                try await sleep(.seconds(10))
                return 42
            }
            guard case .timeLimit(let left) = try virtual.run(limit: .seconds(5)) else {
                Issue.record("ran beyond its limit")
                return
            }
            #expect(left.count == 1)
            #expect(!task.isDone)
            guard case .finished = try virtual.run() else {
                Issue.record("did not end")
                return
            }
            #expect(virtual.elapsed == .seconds(10))
            #expect(try task.result() == 42)
        }
    }

    @Test func aLoopInVirtualTimeTellsWhoIsStuck() throws {
        try withVirtualLoop { virtual in
            virtual.createTask(name: "stuck") { try await Event().wait() }
            guard case .deadlock(let tasks) = try virtual.run() else {
                Issue.record("no deadlock")
                return
            }
            #expect(tasks.map(\.name) == ["stuck"])
        }
    }
}
