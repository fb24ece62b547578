import AsyncIO
import AsyncIOTesting
import Testing

/// Nesting that is deeper than a stack: chains of tasks, scopes in scopes, errors in errors.
@Suite(.virtualTime) struct DeepNestingTests {
    // MARK: Cancelling

    @Test func aLongChainOfTasksIsCancelledToItsEnd() async throws {
        let first = Future<Int>()
        var last = createTask { try await first.value }
        for _ in 0..<100_000 {
            let before = last
            last = createTask { try await before.value }
        }
        try await sleep(.milliseconds(1))
        last.cancel("enough")
        #expect(await thrown { try await last.value } is CancellationError)
        #expect(first.wasCancelled && currentTask()?.cancelMessage == "enough")
    }

    @Test func gathersInGathersAreCancelledToTheirEnd() async throws {
        let first = Future<Int>()
        var last: Future<[Int]> = gatherFuture([first])
        for _ in 0..<50_000 {
            let before = last
            last = gatherFuture([createTask { try await before.value.first ?? 0 }])
        }
        try await sleep(.milliseconds(1))
        last.cancel()
        #expect(await thrown { try await last.value } is CancellationError)
        #expect(first.wasCancelled)
    }

    @Test func aGatherIsCancelledInTheOrderOfItsChildren() async throws {
        var order: [String] = []
        func note(_ name: String) -> AsyncTask<Void> {
            createTask {
                do { try await sleep(.seconds(9)) } catch {
                    order.append(name)
                    throw error
                }
            }
        }
        let inner = gatherFuture([note("b"), note("c")])
        let middle = createTask { _ = try await inner.value }
        let all = gatherFuture([note("a"), middle, note("d")])
        try await sleep(.milliseconds(1))
        all.cancel()
        #expect(await thrown { try await all.value } is CancellationError)
        #expect(order == ["a", "b", "c", "d"])
    }

    @Test func aCircleOfManyTasksIsCancelled() async throws {
        var tasks: [AsyncTask<Int>] = []
        let count = 10_000
        for index in 0..<count { tasks.append(createTask { try await tasks[(index + 1) % count].value }) }
        try await sleep(.milliseconds(1))
        #expect(tasks[0].cancel())
        #expect(await thrown { try await tasks[0].value } is CancellationError)
        tasks = []
    }

    @Test func theEndOfARunCancelsALongChainInNoTime() throws {
        let first = Future<Int>()
        try runInVirtualTime {
            var last = createTask { try await first.value }
            for _ in 0..<100_000 {
                let before = last
                last = createTask { try await before.value }
            }
            try await sleep(.milliseconds(1))
        }
        #expect(first.wasCancelled)
    }

    // MARK: Scopes in scopes

    private func eager(_ depth: Int) async throws -> Int {
        if depth == 0 { return 0 }
        return try await createTask(eager: true) { try await eager(depth - 1) }.value + 1
    }

    private func eagerThatWaits(_ depth: Int) async throws -> Int {
        if depth == 0 {
            try await sleep(.milliseconds(1))
            return 0
        }
        return try await createTask(eager: true) { try await eagerThatWaits(depth - 1) }.value + 1
    }

    @Test func eagerTasksMayStartEachOther() async throws {
        #expect(try await eager(30_000) == 30_000)
        #expect(try await eagerThatWaits(30_000) == 30_000)
    }

    private func limits(_ depth: Int) async throws {
        if depth == 0 { return try await sleep(.seconds(1)) }
        try await withTimeout(.seconds(9)) { try await limits(depth - 1) }
    }

    @Test func timeoutsMayBeNested() async throws {
        try await limits(30_000)
        #expect(currentTask()?.cancelling == 0)
        // The body can be cancelled before it has started.
        let task = createTask { try await limits(30_000) }
        try await sleep(.zero)
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled)
    }

    @Test func anOuterTimeoutEndsManyInnerOnes() async throws {
        let error = await thrown { try await withTimeout(.milliseconds(500)) { try await limits(20_000) } }
        #expect(error is TimeoutError)
        try await Task.sleep(for: .seconds(1))
        #expect(!Task.isCancelled)
    }

    private func generator(_ depth: Int) -> AsyncGenerator<Int> {
        AsyncGenerator<Int> { yield in
            if depth == 0 {
                for number in 0..<3 {
                    try await sleep(.milliseconds(1))
                    try await yield(number)
                }
            } else {
                for try await number in generator(depth - 1) { try await yield(number) }
            }
        }
    }

    @Test func generatorsMayConsumeGenerators() async throws {
        var numbers: [Int] = []
        for try await number in generator(10_000) { numbers.append(number) }
        #expect(numbers == [0, 1, 2])
        let task = createTask { for try await _ in generator(10_000) {} }
        try await sleep(.zero)
        try await sleep(.zero)
        #expect(task.description.contains("pending"))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
    }

    // MARK: Errors in errors

    private func groups(_ depth: Int) async throws {
        if depth == 0 { throw Boom(1) }
        try await withAsyncTaskGroup { group in try group.createTask { try await groups(depth - 1) } }
    }

    @Test func groupsInGroupsCanBeDescribedAndTakenApart() async throws {
        let depth = 20_000
        let group = try #require(await thrown { try await groups(depth) } as? ExceptionGroup)
        let text = group.description
        #expect(text.hasPrefix("unhandled errors in a TaskGroup (1 error: ExceptionGroup: unhandled"))
        #expect(text.hasSuffix(String(repeating: ")", count: depth)) && text.utf8.count > depth * 40)
        #expect(group.unwrapped is Boom)
        #expect(group.flattened.count == 1)
        let parts = group.split { $0 is Boom }
        #expect(parts.rest == nil && parts.matching?.description == text)
        #expect(group.subgroup { $0 is RuntimeError } == nil)
    }

    @Test func aDeepErrorCanBeLetGo() {
        for depth in [1, 2, 200_000] {
            var error: any Error = Boom(1)
            for _ in 0..<depth { error = ExceptionGroup("outer", [error, Boom(2)]) }
            var timeout = TimeoutError(underlyingError: error)
            for _ in 0..<depth { timeout = TimeoutError(underlyingError: timeout) }
            #expect(timeout.description.utf8.count > depth)
        }
    }

    @Test func whatIsHeldElsewhereStaysWhole() {
        let inner = ExceptionGroup("inner", [Boom(1), Boom(2)])
        var outer: ExceptionGroup? = ExceptionGroup("outer", [inner, ExceptionGroup("other", [Boom(3)])])
        #expect(outer?.flattened.count == 3)
        outer = nil
        #expect(inner.errors.count == 2)
    }

    // MARK: Deallocation

    @Test func longChainsOfFuturesCanBeLetGo() async throws {
        do {
            var last: Future<Int> = Future<Int>()
            for _ in 0..<200_000 { last = shieldFuture(last) }
            #expect(!last.isDone)
        }
        do {
            let first = Future<Any>()
            var last: Future<[Any]> = gatherFuture([first] as [any Awaitable])
            for _ in 0..<100_000 { last = gatherFuture([last] as [any Awaitable]) }
            try first.setError(Boom(1))
            for _ in 0..<100_010 { try await sleep(.zero) }
            #expect(try last.error() is Boom)
        }
    }

    @Test func aShieldOfAShieldEndsAsTheInnerOneDoes() async throws {
        let inner = Future<Int>()
        var last: Future<Int> = inner
        for _ in 0..<100 { last = shieldFuture(last) }
        try inner.setResult(5)
        #expect(try await last.value == 5)
    }

    @Test func aLoopWithManyBackgroundTasksCanBeClosed() throws {
        try AsyncIOTesting.withVirtualLoop { virtual in
            virtual.loop.setExceptionHandler { _ in }
            virtual.createTask {
                let background = BackgroundTasks()
                for _ in 0..<100_000 { background.createTask { try await Future<Void>().value } }
            }
            _ = try virtual.run()
        }
    }

    // MARK: Inspection

    @Test func aLongChainIsSearchedForCirclesInNoTime() async throws {
        let first = Future<Int>()
        var last = createTask { try await first.value }
        for _ in 0..<50_000 {
            let before = last
            last = createTask { try await before.value }
        }
        try await sleep(.milliseconds(1))
        #expect(try EventLoop.running.deadlocks().isEmpty)
        #expect(try formatCallGraph(first).contains("Awaited by"))
        last.cancel()
        _ = await thrown { try await last.value }
    }
}
