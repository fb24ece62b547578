import AsyncIO
import AsyncIOTesting
import Testing

/// The statistics and descriptions of the primitives and the loop.
@Suite(.virtualTime)
struct StatisticsTests {
    @Test func aLockTellsItsOwnerAndItsWaiters() async throws {
        let lock = Lock()
        #expect(lock.description == "Lock (free, no waiters)")
        #expect(lock.owner == nil)
        let holder = createTask(name: "holder") { try await lock.withLock { try await sleep(.seconds(1)) } }
        let next = createTask(name: "next") { try await lock.withLock {} }
        try await settle()
        #expect(lock.description == "Lock (held by \"holder\", 1 waiter)")
        #expect(lock.owner === holder)
        #expect(lock.statistics.isLocked)
        #expect(lock.statistics.waiters.map(\.name) == ["next"])
        _ = try await wait([holder, next])
        #expect(lock.owner == nil && !lock.isLocked)
    }

    @Test func theLoopHasANameWhichCanBeChanged() throws {
        let loop = try EventLoop.running
        #expect(loop.name.hasPrefix("EventLoop-"))
        loop.name = "workers"
        #expect(loop.statistics.name == "workers")
        try withLoop { other in #expect(other.name.hasPrefix("EventLoop-")) }
    }

    @Test(.eventLoop) func theLoopCountsConnectionsAndTheirBytes() async throws {
        let loop = try EventLoop.running
        let before = loop.statistics
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            // More than is received at once, and written in parts.
            let bytes = try await reader.readExactly(300_000)
            try await writer.write(bytes)
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write([UInt8](repeating: 7, count: 300_000))
        #expect(loop.statistics.connections == 2)
        #expect(try await reader.readExactly(300_000).count == 300_000)
        let after = loop.statistics
        #expect(after.bytesReceived - before.bytesReceived == 600_000)
        #expect(after.bytesSent - before.bytesSent == 600_000)
        writer.close()
        try await server.shutdown(within: .seconds(5))
        try await writer.waitClosed()
        #expect(loop.statistics.connections == 0)
        // A connection that is no longer referenced is also gone.
        _ = try await openServerAndForgetAConnection()
        #expect(loop.statistics.connections == 0)
    }

    private func openServerAndForgetAConnection() async throws {
        let loop = try EventLoop.running
        loop.setExceptionHandler { _ in }
        defer { loop.setExceptionHandler(nil) }
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
        do { _ = try await openConnection(host: "127.0.0.1", port: server.port) }
        try await server.shutdown(within: .seconds(5))
    }

    @Test func ofManyTasksTheOldestTellWhereTheyAreAndThoseInADeadlockDo() async throws {
        let queue = Queue<Int>()
        let (left, right) = (Lock(), Lock())
        let crowd = (0..<1200).map { number in createTask(name: "crowd \(number)") { _ = try await queue.get() } }
        let pair = [(left, right), (right, left)].map { first, second in
            createTask {
                try await first.withLock {
                    try await sleep(.zero)
                    try await second.acquire()
                }
            }
        }
        try await sleep(.milliseconds(1))
        let tree = try formatTaskTree()
        // This test's task is the oldest.
        #expect(tree.contains("(without the stacks of the 201 youngest tasks)"), "\(tree.suffix(300))")
        let deadlock = tree.split(separator: "\n").first { $0.hasPrefix("deadlock: ") }
        #expect(deadlock?.contains("StatisticsTests.swift:") == true)
        for task in crowd + pair.map({ $0 as AnyAsyncTask }) { task.cancel() }
        try await sleep(.milliseconds(1))
    }

    @Test func aLockThatItsOwnerForgotToReleaseSaysSo() async throws {
        let lock = Lock()
        let task = createTask { try await lock.acquire() }
        try await task.value
        #expect(lock.owner == nil)
        #expect(lock.description.hasSuffix(", which has ended, no waiters)"))
        #expect(lock.description.hasPrefix("Lock (held by Task-"))
    }

    @Test func eventsConditionsSemaphoresAndBarriersTellTheirState() async throws {
        let event = Event()
        let condition = Condition()
        let semaphore = Semaphore(1)
        let bounded = BoundedSemaphore(2)
        let barrier = Barrier(3)
        let tasks = [
            createTask(name: "event") { try await event.wait() },
            createTask(name: "condition") { try await condition.withLock { try await condition.wait() } },
            createTask(name: "semaphore") {
                try await semaphore.acquire()
                try await semaphore.acquire()
            },
            createTask(name: "bounded") { try await bounded.acquire() },
            createTask(name: "barrier") { _ = try await barrier.wait() },
        ]
        try await settle()
        #expect(event.description == "Event (not set, 1 waiter)")
        #expect(event.statistics.waiters.map(\.name) == ["event"])
        #expect(condition.description == "Condition (1 waiter; Lock (free, no waiters))")
        #expect(condition.statistics.waiters.map(\.name) == ["condition"])
        #expect(!condition.statistics.lock.isLocked)
        #expect(semaphore.description == "Semaphore (0 left, 1 waiter)")
        #expect(semaphore.statistics.waiters.map(\.name) == ["semaphore"])
        #expect(bounded.description == "BoundedSemaphore (1 of 2 left, no waiters)")
        #expect(bounded.statistics.bound == 2)
        #expect(barrier.description == "Barrier (1 of 3 waiting)")
        #expect(barrier.statistics.waiters.map(\.name) == ["barrier"])
        event.set()
        #expect(event.description == "Event (set, no waiters)")
        for task in tasks { task.cancel() }
        _ = try await wait(tasks)
        #expect(semaphore.description == "Semaphore (0 left, no waiters)")
    }

    @Test func aQueueTellsWhoPutsAndWhoGets() async throws {
        let queue = Queue<Int>(maxSize: 1)
        let getter = createTask(name: "getter") { try await queue.get() }
        try await settle()
        #expect(queue.description == "Queue (0 of 1 items, getting: 1 waiter, putting: no waiters)")
        #expect(queue.statistics.getters.map(\.name) == ["getter"])
        try await queue.put(1)
        try await queue.put(2)
        _ = try await getter.value
        let putter = createTask(name: "putter") { try await queue.put(3) }
        let line = #line - 1
        try await settle()
        #expect(queue.statistics.putters.map(\.name) == ["putter"])
        #expect(queue.statistics.unfinished == 2)
        #expect(putter.stack.first?.line == line)
        _ = try await queue.get()
        try await putter.value
        #expect(Queue<Int>().description.hasPrefix("Queue (0 items, "))
    }

    @Test func aGroupTellsItsTasks() async throws {
        try await withAsyncTaskGroup { group in
            try group.createTask(name: "child") { try await sleep(.seconds(1)) }
            #expect(group.tasks.map(\.name) == ["child"])
            #expect(group.description == "AsyncTaskGroup (1 task)")
        }
    }

    @Test func theLoopTellsHowMuchThereIsOfEverything() async throws {
        let loop = try EventLoop.running
        let task = createTask { try await sleep(.seconds(5)) }
        try await settle()
        let statistics = loop.statistics
        #expect(statistics.tasks == allTasks().count)
        #expect(statistics.timers == 1)
        #expect(statistics.turns > 0 && statistics.steps >= statistics.turns)
        #expect(statistics.descriptors == 0)
        task.cancel()
        _ = try await wait([task])
        #expect(loop.statistics.timers == 0)
    }
}

@Suite(.eventLoop)
struct LagTests {
    @Test func aTimerThatFiresLateIsLag() async throws {
        let loop = try EventLoop.running
        try loop.callLater(.milliseconds(1)) {}
        block(.milliseconds(60))
        try await sleep(.milliseconds(1))
        #expect(loop.statistics.longestLag >= .milliseconds(55))
    }
}
