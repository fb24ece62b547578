import AsyncIO
import AsyncIOTesting
import Testing

/// A wait that never ends by itself, on an object that the test retains.
struct EndlessWait: CustomStringConvertible, Sendable {
    let description: String
    private let start: @MainActor () async throws -> Void

    init(_ description: String, _ start: @escaping @MainActor () async throws -> Void) {
        self.description = description
        self.start = start
    }

    func callAsFunction() async throws { try await start() }

    /// Every primitive in a state in which one has to wait for it.
    static func all() throws -> [EndlessWait] {
        let future = Future<Void>()
        let task = sleeper()
        let event = Event()
        let condition = Condition()
        let semaphore = Semaphore(0)
        let barrier = Barrier(2)
        let empty = Queue<Int>()
        let full = Queue<Int>(maxSize: 1)
        try full.putNoWait(0)
        return [
            EndlessWait("sleep") { try await sleep(.seconds(1_000_000)) },
            EndlessWait("Future.value") { try await future.value },
            EndlessWait("AsyncTask.value") { try await task.value },
            EndlessWait("Lock.acquire") {
                let lock = Lock()
                try await lock.acquire()
                try await lock.acquire()
            },
            EndlessWait("Event.wait") { try await event.wait() },
            EndlessWait("Condition.wait") { try await condition.withLock { try await condition.wait() } },
            EndlessWait("Semaphore.acquire") { try await semaphore.acquire() },
            EndlessWait("Barrier.wait") { try await barrier.wait() },
            EndlessWait("Queue.get") { _ = try await empty.get() },
            EndlessWait("Queue.put") { try await full.put(1) },
            EndlessWait("Queue.join") { try await full.join() },
            EndlessWait("for in Queue") { for try await _ in empty {} },
            EndlessWait("gather") { try await gather([sleeper(), sleeper()]) },
            EndlessWait("gatherResults") { try await gatherResults([sleeper()]) },
            EndlessWait("wait") { _ = try await wait([sleeper()]) },
            EndlessWait("asCompleted") { for try await _ in asCompleted([sleeper()]) {} },
            EndlessWait("shield") { try await shield(Future<Void>()) },
            EndlessWait("waitFor a task") { try await waitFor(sleeper(), timeout: .seconds(1_000_000)) },
            EndlessWait("waitFor a body") { try await waitFor(timeout: nil) { try await event.wait() } },
            EndlessWait("withTimeout") { try await withTimeout(.seconds(1_000_000)) { try await event.wait() } },
            EndlessWait("withTimeout over foreign code") {
                try await withTimeout(nil) { try await Task.sleep(for: .seconds(1_000_000)) }
            },
            EndlessWait("withAsyncTaskGroup") {
                try await withAsyncTaskGroup { group in try group.createTask { try await event.wait() } }
            },
            EndlessWait("withAsyncTaskGroup with a limit") {
                try await withAsyncTaskGroup(limit: 1) { group in try group.createTask { try await event.wait() } }
            },
            EndlessWait("withAsyncTaskGroup of a group") {
                let group = AsyncTaskGroup()
                try await withAsyncTaskGroup(group) { try group.createTask { try await event.wait() } }
            },
            EndlessWait("AsyncGenerator") {
                let generator = AsyncGenerator<Int> { _ in try await event.wait() }
                for try await _ in generator {}
            },
        ]
    }
}

/// Everything that waits also works in tasks that do not belong to asyncio, and reacts to their
/// native cancellation.
@Suite(.virtualTime) struct PlainTaskTests {
    // MARK: Native cancellation

    @Test func everyWaitInAPlainTaskEndsWithItsCancellation() async throws {
        for wait in try EndlessWait.all() {
            let task = Task { try await wait() }
            try await settle(3)
            task.cancel()
            #expect(await task.result.isCancellation, "\(wait)")
        }
    }

    @Test func everyWaitInACancelledPlainTaskEndsAtOnce() async throws {
        for wait in try EndlessWait.all() {
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await wait()
            }
            #expect(await task.result.isCancellation, "\(wait)")
        }
    }

    @Test func everyWaitInAnAsyncLetEndsWithItsCancellation() async throws {
        for wait in try EndlessWait.all() {
            let task = Task {
                async let waiting: Void = wait()
                try await waiting
            }
            try await settle(3)
            task.cancel()
            #expect(await task.result.isCancellation, "\(wait)")
        }
    }

    @Test func everyWaitInAStandardGroupEndsWithItsCancellation() async throws {
        for wait in try EndlessWait.all() {
            let ended = try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do { try await wait() } catch { return error is CancellationError }
                    return false
                }
                try await settle(3)
                group.cancelAll()
                return try await group.next()
            }
            #expect(ended == true, "\(wait)")
        }
    }

    @Test func everyWaitInsideACancellationHandlerEndsWithItsCancellation() async throws {
        for wait in try EndlessWait.all() {
            let task = Task {
                try await withTaskCancellationHandler {
                    try await wait()
                } onCancel: {
                }
            }
            try await settle(3)
            task.cancel()
            #expect(await task.result.isCancellation, "\(wait)")
        }
    }

    @Test func everyWaitOfAnAsyncTaskEndsWithItsCancellationInsideForeignScopes() async throws {
        for wait in try EndlessWait.all() {
            let task = createTask {
                try await withTaskCancellationHandler {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await wait() }
                        try await group.waitForAll()
                    }
                } onCancel: {
                }
            }
            try await settle(4)
            task.cancel()
            #expect(await thrown { try await task.value } is CancellationError, "\(wait)")
            #expect(task.wasCancelled)
        }
    }

    // MARK: Normal use

    /// State of the main actor that every kind of child can use.
    private final class Shop {
        let lock = Lock()
        var log: [String] = []

        func serve(_ name: String) async throws { try await lock.withLock { log.append(name) } }
    }

    @Test func primitivesServePlainTasksAndOursInOneLine() async throws {
        let shop = Shop()
        try await shop.lock.acquire()
        let plain = Task { try await shop.serve("plain") }
        try await settle(2)
        let ours = createTask { try await shop.serve("ours") }
        try await settle(2)
        async let third: Void = shop.serve("async let")
        try await settle(3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await shop.serve("group") }
            try await settle(3)
            try shop.lock.release()
            try await group.waitForAll()
        }
        try await plain.value
        try await ours.value
        try await third
        #expect(shop.log == ["plain", "ours", "async let", "group"])
    }

    @Test func aPlainTaskCancelledAfterItWasWokenPassesTheLockOn() async throws {
        let lock = Lock()
        try await lock.acquire()
        let first = Task { try await lock.acquire() }
        try await settle(2)
        let second = createTask { try await lock.acquire() }
        try await settle(2)
        try lock.release()
        first.cancel()
        #expect(await first.result.isCancellation)
        try await second.value
        #expect(lock.isLocked)
    }

    @Test func aCancelledPlainTaskHoldsTheConditionsLockAgainWhenItThrows() async throws {
        let condition = Condition()
        var log: [String] = []
        let task = Task {
            try await condition.withLock {
                do { try await condition.wait() } catch {
                    log.append("locked: \(condition.isLocked)")
                    throw error
                }
            }
        }
        try await settle(2)
        try await condition.acquire()
        task.cancel()
        try await settle(3)
        #expect(log.isEmpty, "the lock is held here")
        try condition.release()
        #expect(await task.result.isCancellation)
        #expect(log == ["locked: true"])
        #expect(!condition.isLocked)
    }

    @Test func aPlainTaskMayAwaitOneOfOurs() async throws {
        let task = createTask {
            try await sleep(.seconds(1))
            return 7
        }
        let plain = Task { try await task.value }
        #expect(try await plain.value == 7)
        let failing = createTask { throw Boom(1) }
        #expect(await thrown { try await Task { try await failing.value }.value } as? Boom == Boom(1))
    }

    @Test func cancellingAPlainTaskCancelsTheTaskItAwaits() async throws {
        let task = sleeper()
        let plain = Task { try await task.value }
        try await settle(3)
        plain.cancel()
        #expect(await plain.result.isCancellation)
        #expect(task.wasCancelled && task.cancelling == 1)
    }

    @Test func aTaskThatSwallowsTheCancellationGivesAPlainTaskItsValue() async throws {
        let task = createTask {
            do { try await sleep(.seconds(1)) } catch {}
            return "all the same"
        }
        let plain = Task { try await task.value }
        try await settle(3)
        plain.cancel()
        #expect(try await plain.value == "all the same")
    }

    @Test func oursMayAwaitAPlainTask() async throws {
        let task = createTask {
            try await Task {
                try await sleep(.seconds(1))
                return 5
            }.value
        }
        #expect(try await task.value == 5)
    }

    @Test func scopesInAPlainTaskAreTasksOfTheirOwn() async throws {
        let plain = Task {
            #expect(currentTask() == nil)
            return try await withTimeout(.seconds(1)) { currentTask() != nil }
        }
        #expect(try await plain.value)
        let limited = Task { try await withTimeout(.seconds(1)) { try await Task.sleep(for: .seconds(5)) } }
        #expect(await thrown { try await limited.value } is TimeoutError)
        let group = Task { () async throws -> Void in
            try await withAsyncTaskGroup { group in try group.createTask { throw Boom(1) } }
        }
        #expect(await thrown { try await group.value } is ExceptionGroup)
        let waiting = Task { try await waitFor(Future<Int>(), timeout: .seconds(1)) }
        #expect(await thrown { try await waiting.value } is TimeoutError)
    }

    @Test func childrenMadeTheStandardWayHaveNoTaskOfOurs() async throws {
        func hasTask() async -> Bool { currentTask() != nil }
        async let inAsyncLet = hasTask()
        #expect(await !inAsyncLet)
        let inGroup = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await hasTask() }
            return await group.next()
        }
        #expect(inGroup == false)
        #expect(currentTask() != nil)
    }

    // MARK: Actors

    actor Store {
        private let lock = Lock()
        private let items = Queue<Int>()
        private var log: [Int] = []

        func put(_ item: Int) async throws {
            try await lock.withLock {
                try await sleep(.zero)
                log.append(item)
                try await items.put(item)
            }
        }

        func take() async throws -> Int { try await withTimeout(.seconds(1)) { try await items.get() } }

        /// An asyncio task that changes the actor's state.
        func work() async throws -> [Int] {
            let task = createTask {
                try await sleep(.zero)
                self.log.append(-1)
            }
            try await task.value
            try await withAsyncTaskGroup { group in
                try group.createTask { self.log.append(-2) }
            }
            return log
        }
    }

    @Test func primitivesWorkInsideAnActor() async throws {
        let store = Store()
        try await store.put(1)
        async let second: Void = store.put(2)
        #expect(try await store.take() == 1)
        try await second
        #expect(try await store.take() == 2)
        #expect(await thrown { try await store.take() } is TimeoutError)
        #expect(try await store.work() == [1, 2, -1, -2])
    }

    @Test func aWaitInsideAnActorEndsWithTheCancellationOfItsCaller() async throws {
        let store = Store()
        let ours = createTask { try await store.take() }
        let plain = Task { try await store.take() }
        try await settle(5)
        ours.cancel()
        plain.cancel()
        #expect(await thrown { try await ours.value } is CancellationError)
        #expect(await plain.result.isCancellation)
    }

    // MARK: Task-local values

    @Test func taskLocalValuesPassAsSwiftTasksPassThem() async throws {
        try await TaskValue.$request.withValue("one") {
            let ours = createTask { await Task { TaskValue.request }.value }
            let inner = try await ours.value
            #expect(inner == "one")
            let plain = Task { try await createTask { TaskValue.request }.value }
            let outer = try await plain.value
            #expect(outer == "one")
            let detached = await Task.detached { TaskValue.request }.value
            #expect(detached == "none")
        }
    }
}
