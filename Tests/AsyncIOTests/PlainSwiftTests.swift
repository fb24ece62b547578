import AsyncIO
import AsyncIOTesting
import Testing

/// Plain Swift concurrency, without anything of asyncio, runs on the loop's thread.
@Suite(.eventLoop) struct PlainSwiftTests {
    private let home = thisThread()

    @Test func aTaskRunsOnTheLoop() async {
        #expect(await Task { thisThread() }.value == home)
        #expect(await Task { await heavy() }.value == home)
        #expect(thisThread() == home)
    }

    @Test func aDetachedTaskRunsOnTheLoop() async {
        #expect(await Task.detached { thisThread() }.value == home)
        #expect(await Task.detached(priority: .background) { thisThread() }.value == home)
        #expect(thisThread() == home)
    }

    @Test func anImmediateTaskRunsOnTheLoop() async throws {
        let task = Task.immediate {
            let before = thisThread()
            try await Task.sleep(for: .milliseconds(1))
            return [before, thisThread()]
        }
        #expect(try await task.value == [home, home])
    }

    @Test func asyncLetRunsOnTheLoop() async {
        async let first = heavy()
        async let second = thisThread()
        #expect(await first == home)
        #expect(await second == home)
        #expect(thisThread() == home)
    }

    @Test func aTaskGroupRunsOnTheLoop() async {
        let threads = await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<10 {
                group.addTask { thisThread() }
                group.addTask {
                    await Task.yield()
                    return await heavy()
                }
            }
            var seen: Set<UInt> = []
            for await thread in group { seen.insert(thread) }
            return seen
        }
        #expect(threads == [home])
    }

    @Test func aDiscardingTaskGroupRunsOnTheLoop() async {
        let strangers = Counter()
        let home = home
        await withDiscardingTaskGroup { group in
            for _ in 0..<10 { group.addTask { if thisThread() != home { strangers.increase() } } }
        }
        #expect(strangers.value == 0)
    }

    @Test func concurrentFunctionsRunOnTheLoop() async {
        #expect(await heavy() == home)
        #expect(thisThread() == home)
    }

    @Test func anActorRunsOnTheLoop() async {
        let actor = Place()
        #expect(await actor.thread() == home)
        #expect(await actor.threadAfterASleep() == home)
        #expect(thisThread() == home)
    }

    @Test func theMainActorRunsOnTheLoop() async {
        let home = home
        let seen = await Task.detached { await MainActor.run { thisThread() } }.value
        #expect(seen == home)
        onLoop { #expect(thisThread() == home) }
    }

    @Test func anAsyncStreamIsReadOnTheLoopWhoeverFeedsIt() async {
        let (stream, continuation) = AsyncStream.makeStream(of: UInt.self)
        onForeignThread {
            for _ in 0..<100 {
                continuation.yield(thisThread())
                if .random() { block(.microseconds(10)) }
            }
            continuation.finish()
        }
        var count = 0
        for await producer in stream {
            count += 1
            #expect(producer != home)
            #expect(thisThread() == home)
        }
        #expect(count == 100)
    }

    @Test func aSleepEndsOnTheLoop() async throws {
        try await Task.sleep(for: .milliseconds(1))
        #expect(thisThread() == home)
        try await Task.sleep(nanoseconds: 1_000)
        #expect(thisThread() == home)
        try await Task.sleep(until: .now + .milliseconds(1), clock: .suspending)
        #expect(thisThread() == home)
        try await ContinuousClock().sleep(for: .milliseconds(1))
        #expect(thisThread() == home)
    }

    @Test func aSleepIsNeverShort() async throws {
        for milliseconds in [0, 1, 5] {
            let start = ContinuousClock.now
            try await Task.sleep(for: .milliseconds(milliseconds))
            #expect(ContinuousClock.now - start >= .milliseconds(milliseconds))
        }
    }

    @Test func aCancelledSleepEndsAtOnce() async {
        let task = Task { try await Task.sleep(for: .seconds(3600)) }
        await Task.yield()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func aContinuationResumedByAForeignThreadGoesOnOnTheLoop() async throws {
        for delay in [Duration.zero, .microseconds(50), .milliseconds(2)] {
            let resumer = await withCheckedContinuation { continuation in
                onForeignThread {
                    block(delay)
                    continuation.resume(returning: thisThread())
                }
            }
            #expect(resumer != home)
            #expect(thisThread() == home)
        }
    }

    @Test func aTaskMadeByAForeignThreadRunsOnTheLoop() async {
        let seen = await withCheckedContinuation { continuation in
            onForeignThread { Task { continuation.resume(returning: thisThread()) } }
        }
        #expect(seen == home)
    }

    @Test func aForeignThreadMayCancelATask() async {
        let task = Task { try await Task.sleep(for: .seconds(3600)) }
        onForeignThread { task.cancel() }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(thisThread() == home)
    }

    @Test func aForeignThreadMayCancelAPlainTaskThatWaitsForAsyncio() async {
        // Each waits in another primitive of the library.
        let waits: [@MainActor () async throws -> Void] = [
            { try await sleep(.seconds(3600)) },
            { try await Future<Void>().value },
            { try await Event().wait() },
            { _ = try await Queue<Int>().get() },
            { try await createTask { try await sleep(.seconds(3600)) }.value },
        ]
        for wait in waits {
            let task = Task { try await wait() }
            for _ in 0..<3 { await Task.yield() }
            onForeignThread { task.cancel() }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func plainTasksAndOursShareOneQueueInOrder() async throws {
        let log = Log()
        let tasks = [
            Task { log("plain") }, Task { log("plain") },
        ]
        let ours = createTask { log("ours") }
        let last = Task { log("plain") }
        for task in tasks + [last] { await task.value }
        try await ours.value
        #expect(log.lines == ["plain", "plain", "ours", "plain"])
    }

    @Test func noWakeUpOfAForeignThreadIsLost() async {
        for _ in 0..<500 {
            await withCheckedContinuation { continuation in
                onForeignThread { continuation.resume() }
            }
        }
        #expect(thisThread() == home)
    }

    @Test func anAsyncMainIsServedAsWellAsTopLevelCode() async throws {
        #expect(try await Program.run("async-main-program").lines == ["all on one thread"])
    }
}

actor Place {
    func thread() -> UInt { thisThread() }
    func threadAfterASleep() async -> UInt {
        try? await Task.sleep(for: .milliseconds(1))
        return thisThread()
    }
}
