import AsyncIO
import AsyncIOTesting
import Testing

/// The places of tasks, and the tasks that wait for them.
@Suite(.virtualTime)
struct CallGraphTests {
    let innerLine = #line + 1
    func inner(_ event: Event) async throws { try await event.wait() }
    let outerLine = #line + 1
    func outer(_ event: Event) async throws { try await inner(event) }

    // MARK: Stacks

    @Test func aTaskTellsTheFunctionsItIsSuspendedIn() async throws {
        let event = Event()
        let task = createTask { try await outer(event) }
        let line = #line - 1
        #expect(task.stack.isEmpty)
        try await settle()
        let stack = task.stack
        #expect(
            stack.map(\.function) == [
                "CallGraphTests.inner(_:)", "CallGraphTests.outer(_:)",
                "closure #1 in CallGraphTests.aTaskTellsTheFunctionsItIsSuspendedIn()",
            ])
        #expect(stack.allSatisfy { $0.file == #filePath && $0.isAsync })
        #expect(stack.map(\.line) == [innerLine, outerLine, line])
        #expect(
            stack.first?.description
                == "Tests/AsyncIOTests/CallGraphTests.swift:\(innerLine) in CallGraphTests.inner(_:)")
        event.set()
        try await task.value
        #expect(task.stack.isEmpty)
    }

    @Test func scopesWithCarriersOfTheirOwnArePartOfTheStack() async throws {
        let event = Event()
        let line = #line + 2
        let task = createTask {
            try await withTimeout(.seconds(9)) { _ in
                try await withAsyncTaskGroup { _ in
                    try await outer(event)
                }
            }
        }
        try await settle()
        let lines = task.stack.map(\.line)
        #expect(lines == [innerLine, outerLine, line + 2, line + 1, line])
        event.set()
        _ = try await task.value
    }

    @Test func theCurrentTasksStackIsTheThreads() async throws {
        func here() -> [CallGraphFrame] { currentTask()?.stack ?? [] }
        let line = #line - 1
        let stack = here()
        #expect(stack.first?.function.hasPrefix("here #1 () in CallGraphTests") == true, "\(stack)")
        #expect(stack.dropFirst().first?.line == line + 2)
        // A scope that has not suspended yet hides its caller.
        let scope = #line + 1
        try await withTimeout(.seconds(9)) { _ in
            let nested = here()
            #expect(nested.map(\.line).prefix(2) == [line, scope + 1], "\(nested)")
            try await sleep(.zero)
            let later = here()
            #expect(later.map(\.line).prefix(3) == [line, scope + 4, scope], "\(later)")
        }
    }

    @Test func tasksThatWaitForeignlyTellWhere() async throws {
        let task = createTask { try await Task.sleep(for: .seconds(5)) }
        let line = #line - 1
        try await settle()
        #expect(task.stack.first?.line == line)
        #expect(
            try formatCallGraph(task).contains(
                "in async closure #1 in CallGraphTests.tasksThatWaitForeignlyTellWhere()"))
        try await task.value
    }

    // MARK: Awaiting tasks

    func awaiters(of future: FutureBase) throws -> [String] {
        try captureCallGraph(future)?.awaitedBy.compactMap { ($0.future as? AnyAsyncTask)?.name } ?? []
    }

    @Test func aTaskKnowsWhoWaitsForItDirectlyAndThroughOthers() async throws {
        let event = Event()
        let task = createTask(name: "awaited") { try await event.wait() }
        createTask(name: "directly") { try await task.value }
        createTask(name: "gather") { try await gather([task]) }
        createTask(name: "wait") { try await wait([task]) }
        createTask(name: "shield") { try await shield(task) }
        createTask(name: "gather of a shield") { try await gather([shieldFuture(task)]) }
        createTask(name: "group") {
            try await withAsyncTaskGroup { group in
                try group.createTask(name: "child") { try await event.wait() }
            }
        }
        let race = #line + 1
        createTask(name: "race") { try await AsyncIO.race([1, 2]) { _ in try await event.wait() } }
        try await settle()
        #expect(try awaiters(of: task) == ["directly", "gather", "wait", "shield", "gather of a shield"])
        let child = try #require(allTasks().first { $0.name == "child" })
        #expect(try awaiters(of: child) == ["group"])
        let racers = allTasks().filter { $0.stack.last?.line == race && $0.name != "race" }
        #expect(racers.count == 2)
        for racer in racers { #expect(try awaiters(of: racer) == ["race"]) }
        event.set()
        try await settle()
        #expect(try awaiters(of: task) == [])
    }

    @Test func aFutureHasAwaitersAndNoStack() async throws {
        let future = Future<Int>()
        createTask(name: "one") { try await future.value }
        createTask(name: "two") { try await future.value }
        try await settle()
        let graph = try #require(try captureCallGraph(future))
        #expect(graph.callStack.isEmpty)
        #expect(graph.awaitedBy.compactMap { ($0.future as? AnyAsyncTask)?.name } == ["one", "two"])
        #expect(try formatCallGraph(future).hasPrefix("* Future(id=0x"))
        try future.setResult(1)
        try await settle()
    }

    // MARK: Edge cases

    @Test func withoutATaskThereIsNoGraph() throws {
        try withVirtualTimeLoop { loop in
            try loop.callSoon {
                let graph = try captureCallGraph()
                let text = try formatCallGraph()
                #expect(graph == nil && text.isEmpty)
            }
            loop.stop()
            try loop.runForever()
        }
    }

    @Test func withoutALoopItIsAnError() {
        atTopLevel {
            #expect(throws: RuntimeError.self) { try captureCallGraph() }
            #expect(throws: RuntimeError.self) { try formatTaskTree() }
        }
    }

    @Test func aLimitKeepsTheNearestOrTheOutermostFrames() async throws {
        let event = Event()
        let task = createTask { try await outer(event) }
        try await settle()
        let all = task.stack
        #expect(all.count == 3)
        func stack(_ limit: Int?) throws -> [CallGraphFrame]? { try captureCallGraph(task, limit: limit)?.callStack }
        #expect(try stack(nil) == all)
        #expect(try stack(2) == Array(all.prefix(2)))
        #expect(try stack(-1) == Array(all.suffix(1)))
        #expect(try stack(0) == [])
        #expect(try stack(9) == all)
        task.cancel()
        _ = try await wait([task])
    }

    @Test func theTextIsAsyncios() async throws {
        let event = Event()
        let line = #line + 1
        let task = createTask(name: "worker") { try await inner(event) }
        createTask(name: "boss") { try await task.value }
        try await sleep(.seconds(3))
        var text = ""
        try printCallGraph(task, to: &text)
        let lines = text.split(separator: "\n").map { line -> String in
            guard let id = line.firstRange(of: "id=0x") else { return String(line) }
            return String(line[..<id.lowerBound]) + "id)"
        }
        let file = #filePath
        let test = "CallGraphTests.theTextIsAsyncios()"
        #expect(
            lines == [
                "* Task(name=\"worker\", id)",
                "  + Call stack:",
                "  |   File \"\(file)\", line \(innerLine), in async CallGraphTests.inner(_:)",
                "  |   File \"\(file)\", line \(line), in async closure #1 in \(test)",
                "  + Waits for: Event.wait(), since 3 s",
                "  + Awaited by:",
                "    * Task(name=\"boss\", id)",
                "      + Call stack:",
                "      |   File \"\(file)\", line \(line + 1), in async closure #2 in \(test)",
                "      + Waits for: Task \"worker\" (pending), since 3 s",
            ])
        event.set()
        try await settle()
    }

    // MARK: Deadlocks

    @Test func tasksThatWaitForEachOthersLocksAreADeadlock() async throws {
        let (first, second) = (Lock(), Lock())
        var line = 0
        func take(_ one: Lock, _ other: Lock) async throws {
            try await one.withLock {
                try await sleep(.seconds(1))
                line = #line + 1
                try await other.withLock {}
            }
        }
        let a = createTask(name: "a") { try await take(first, second) }
        let b = createTask(name: "b") { try await take(second, first) }
        let bystander = createTask(name: "c") { try await first.withLock {} }
        #expect(try EventLoop.running.deadlocks().isEmpty)
        try await sleep(.seconds(2))
        let cycles = try EventLoop.running.deadlocks()
        #expect(cycles.map { $0.map(\.name) } == [["a", "b"]])
        #expect(first.owner === a && second.owner === b)
        #expect(
            try formatCallGraph(a).contains(
                "! Deadlock: \"a\" waits at Tests/AsyncIOTests/CallGraphTests.swift:\(line) for Lock.acquire(), held by \"b\"; \"b\""
            ))
        #expect(!(try formatCallGraph(bystander).contains("! Deadlock")))
        a.cancel()
        _ = try await wait([a, b, bystander])
        #expect(try EventLoop.running.deadlocks().isEmpty)
    }

    @Test func tasksThatAwaitEachOtherAreADeadlockAlsoThroughGather() async throws {
        var other: AsyncTask<Void>?
        let a = createTask(name: "a") {
            if let other { try await gather([other]) }
        }
        let b = createTask(name: "b") { try await a.value }
        other = b
        try await settle()
        #expect(try EventLoop.running.deadlocks().map { $0.map(\.name) } == [["a", "b"]])
        // Cancelling one task breaks the cycle, and ends the other one too.
        #expect(b.cancel())
        _ = try await wait([a, b])
        #expect(a.wasCancelled && b.wasCancelled)
    }

    @Test func aTaskThatTakesItsOwnLockTwiceIsACircleOfOne() async throws {
        let lock = Lock()
        let task = createTask(name: "twice") { try await lock.withLock { try await lock.withLock {} } }
        try await settle()
        #expect(try EventLoop.running.deadlocks().map { $0.map(\.name) } == [["twice"]])
        task.cancel()
        _ = try await wait([task])
    }

    @Test func theTestsOwnDeadlockReportTellsTheLineOfTheWait() throws {
        var line = 0
        var report = ""
        do {
            try runInVirtualTime {
                let lock = Lock()
                let task = createTask(name: "holder") {
                    try await lock.acquire()
                    line = #line + 1
                    try await lock.acquire()
                }
                try await task.value
            }
        } catch let error as DeadlockError {
            report = error.description
        }
        #expect(
            report.contains(
                "\"holder\" waits for Lock.acquire() since 0.0 seconds at Tests/AsyncIOTests/CallGraphTests.swift:\(line)"
            ))
        #expect(report.contains("they wait for each other: \"holder\" waits at"))
    }
}
