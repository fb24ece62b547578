import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Foundation
import Testing

@Suite(.eventLoop) struct ThreadPoolTests {
    // MARK: toThread

    @Test func workRunsOnAThreadOfThePoolAndItsResultComesToTheLoop() async throws {
        let home = thisThread()
        let (thread, name) = try await toThread { (thisThread(), threadName()) }
        #expect(thread != home)
        #expect(name.hasPrefix("asyncio_"))
        #expect(thisThread() == home)
    }

    @Test func theLoopGoesOnWhileAThreadWorks() async throws {
        var rounds = 0
        let work = createTask { try await toThread { block(.milliseconds(30)) } }
        while !work.isDone {
            rounds += 1
            try await sleep(.milliseconds(1))
        }
        #expect(rounds > 3)
    }

    @Test func thePoolHasNoMoreThreadsThanAsynciosHasByDefault() async throws {
        let limit = min(32, Thread.processorCount + 4)
        let (running, most) = (Counter(), Counter())
        try await gather(
            (0..<limit * 3).map { _ in
                createTask {
                    try await toThread {
                        let now = running.increase()
                        while most.value < now { most.increase() }
                        block(.milliseconds(2))
                        running.increase(by: -1)
                    }
                }
            })
        #expect(most.value <= limit)
        #expect(most.value > 1)
    }

    @Test func anErrorOfTheWorkIsThrownToWhoWaits() async throws {
        await #expect(throws: TestError("in the thread")) { try await toThread { throw TestError("in the thread") } }
    }

    @Test func theThreadSeesTheCallersTaskLocalValues() async throws {
        let seen = try await Local.$value.withValue("caller's") { try await toThread { Local.value } }
        #expect(seen == "caller's")
        #expect(try await toThread { Local.value } == "default")
    }

    @Test func whatIsNotSendableMayComeBack() async throws {
        nonisolated final class Tree { var leaves = 0 }
        let tree = try await toThread { () -> sending Tree in
            let tree = Tree()
            tree.leaves = 3
            return tree
        }
        tree.leaves += 1
        #expect(tree.leaves == 4)
    }

    @Test func cancellingDropsWorkThatHasNotBegun() async throws {
        let gate = Flag()
        let hasRun = Flag()
        let limit = min(32, Thread.processorCount + 4)
        let busy = (0..<limit).map { _ in createTask { try await toThread { gate.wait() } } }
        let queued = createTask { try await toThread { hasRun.set() } }
        for _ in 0..<3 { try await sleep(.zero) }
        queued.cancel()
        await #expect(throws: CancellationError.self) { try await queued.value }
        gate.set()
        try await gather(busy)
        try await toThread {}
        #expect(!hasRun.isSet)
    }

    @Test func cancellingLetsWorkThatRunsGoOnAndDropsItsResult() async throws {
        let (hasBegun, hasEnded, gate) = (Flag(), Flag(), Flag())
        let task = createTask {
            try await toThread {
                hasBegun.set()
                gate.wait()
                hasEnded.set()
            }
        }
        try await eventually { hasBegun.isSet }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!hasEnded.isSet)
        gate.set()
        try await eventually { hasEnded.isSet }
    }

    @Test func virtualTimeWaitsForAThread() throws {
        try runInVirtualTime {
            let loop = try EventLoop.running
            let start = loop.now
            createTask { try await sleep(.seconds(3600)) }
            try await toThread { block(.milliseconds(20)) }
            #expect(loop.now == start)
        }
    }

    // MARK: Shutting down

    @Test func afterShutdownThreadsTakeNoMoreWork() throws {
        try withLoop { loop in
            let log = Log()
            try loop.runUntilComplete {
                let work = try loop.runInExecutor { block(.milliseconds(10)) }
                try await loop.shutdownDefaultExecutor()
                log("done \(work.isDone)")
                let error = #expect(throws: RuntimeError.self) { _ = try loop.runInExecutor {} }
                #expect(error?.message == "Executor shutdown has been called")
                await #expect(throws: RuntimeError.self) { try await toThread {} }
            }
            #expect(log.lines == ["done true"])
        }
    }

    // MARK: The pool as a task executor

    @Test func concurrentFunctionsRunOnThePoolUnderItsPreferenceAndTheirCallerDoesNot() async throws {
        let home = thisThread()
        let seen = await withTaskExecutorPreference(ThreadPool.shared) {
            [thisThread(), await heavy(), thisThread()]
        }
        #expect(seen[0] == home)
        #expect(seen[1] != home)
        #expect(seen[2] == home)
        #expect(thisThread() == home)
        #expect(await heavy() == home)
    }

    @Test func tasksMadeForThePoolRunThere() async throws {
        let home = thisThread()
        #expect(await Task.detached(executorPreference: ThreadPool.shared) { thisThread() }.value != home)
        #expect(await Task(executorPreference: ThreadPool.shared) { await heavy() }.value != home)
        #expect(thisThread() == home)
    }

    @Test func aSleepOnThePoolEndsOnThePool() async throws {
        let home = thisThread()
        let threads = await Task.detached(executorPreference: ThreadPool.shared) {
            let before = thisThread()
            try? await Task.sleep(for: .milliseconds(1))
            return [before, thisThread()]
        }.value
        #expect(!threads.contains(home))
    }

    /// Every hop is a real one there, so a check before a suspension comes too early.
    @Test func noWakeUpIsLostUnderAPreference() async throws {
        let home = thisThread()
        try await withTaskExecutorPreference(ThreadPool.shared) {
            for _ in 0..<100 {
                let future = Future<Int>()
                let task = createTask { try future.setResult(1) }
                let event = Event()
                createTask { event.set() }
                let lock = Lock()
                let holder = createTask {
                    try await lock.acquire()
                    try await sleep(.zero)
                    try lock.release()
                }
                let queue = Queue<Int>(maxSize: 1)
                createTask { for number in 0..<3 { try await queue.put(number) } }

                _ = try await future.value
                try await task.value
                try await event.wait()
                try await lock.acquire()
                try lock.release()
                try await holder.value
                for expected in 0..<3 where try await queue.get() != expected { Issue.record("out of order") }
                try await sleep(.zero)
                try await sleep(.microseconds(1))
                #expect(try await gather([createTask { 1 }, createTask { 2 }]) == [1, 2])
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.microseconds(1)) { _ in try await sleep(.seconds(60)) }
                }
                #expect(thisThread() == home)
            }
        }
    }

    // MARK: Pools of one's own

    @Test func aPoolHasNoMoreThreadsThanItWasGiven() async throws {
        let pool = ThreadPool(threads: 2)
        defer { pool.shutdown() }
        let (running, most) = (Counter(), Counter())
        let names = try await gather(0..<8) { _ in
            try await toThread(on: pool) {
                let now = running.increase()
                while most.value < now { most.increase() }
                block(.milliseconds(2))
                running.increase(by: -1)
                return thisThread()
            }
        }
        #expect(most.value <= 2)
        #expect(Set(names).count <= 2)
        #expect(throws: ValueError.self) { try ThreadPool(validatingThreads: 0) }
    }

    @Test func aPoolThatIsShutDownEndsItsThreadsAndStillWorks() async throws {
        let pool = ThreadPool(threads: 1)
        let thread = try await toThread(on: pool) {
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        }
        pool.shutdown()
        pool.shutdown()
        try await eventually { !FileManager.default.fileExists(atPath: "/proc/\(thread)") }
        #expect(try await toThread(on: pool) { 42 } == 42)
    }

    @Test func aLimiterCountsWorkUntilItHasReturned() async throws {
        let limiter = CapacityLimiter(1)
        let (begun, end) = (Flag(), Flag())
        let first = createTask {
            try await toThread(on: .shared, limiter: limiter) {
                begun.set()
                end.wait()
            }
        }
        try await eventually { begun.isSet }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        let second = createTask { try await toThread(on: .shared, limiter: limiter) { 42 } }
        try await sleep(.milliseconds(5))
        #expect(!second.isDone && limiter.used == 1)
        end.set()
        #expect(try await second.value == 42)
        #expect(limiter.used == 0)
    }

    @Test func workThatMustNotBeAbandonedIsWaitedFor() async throws {
        let (begun, end, hasReturned) = (Flag(), Flag(), Flag())
        let task = createTask {
            try await toThread(on: .shared, abandonOnCancel: false) {
                begun.set()
                end.wait()
                hasReturned.set()
            }
        }
        try await eventually { begun.isSet }
        task.cancel()
        try await sleep(.milliseconds(5))
        #expect(!task.isDone)
        end.set()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(hasReturned.isSet)
        await #expect(throws: Boom.self) { try await toThread(on: .shared, abandonOnCancel: false) { throw Boom() } }
    }
}

@concurrent nonisolated func heavy() async -> UInt { thisThread() }
