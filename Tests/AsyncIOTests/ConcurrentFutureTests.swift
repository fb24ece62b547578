import AsyncIO
import AsyncIOTesting
import Testing

/// `loop.submit` and the future that it returns: asyncio's `run_coroutine_threadsafe`.
@Suite(.eventLoop) struct ConcurrentFutureTests {
    @Test func aThreadCanRunATaskOnTheLoopAndWaitForItsResult() async throws {
        let loop = try EventLoop.running
        let home = thisThread()
        let seen = try await toThread {
            try loop.submit {
                try await sleep(.milliseconds(1))
                return thisThread()
            }.wait()
        }
        #expect(seen == home)
    }

    @Test func aTasksErrorIsThrownToTheThread() async throws {
        let loop = try EventLoop.running
        await #expect(throws: TestError("in the task")) {
            try await toThread { try loop.submit { throw TestError("in the task") }.wait() }
        }
    }

    @Test func cancellingTheFutureCancelsTheTask() async throws {
        let loop = try EventLoop.running
        let (hasBegun, wasCancelled) = (Flag(), Flag())
        let outcome = try await toThread {
            let future = loop.submit {
                hasBegun.set()
                do { try await sleep(.seconds(60)) } catch is CancellationError {
                    wasCancelled.set()
                    throw CancellationError()
                }
            }
            hasBegun.wait()
            #expect(future.cancel())
            #expect(future.isCancelled)
            return Result { try future.wait() }
        }
        #expect(throws: CancellationError.self) { try outcome.get() }
        #expect(wasCancelled.isSet)
    }

    @Test func cancellingBeforeTheTaskBeginsMeansThatItNeverDoes() throws {
        try withLoop { loop in
            let future = loop.submit { Issue.record("the task started") }
            #expect(future.cancel())
            loop.stop()
            try loop.runForever()
            loop.stop()
            try loop.runForever()
            #expect(future.isDone)
            #expect(throws: CancellationError.self) { try future.wait() }
        }
    }

    @Test func aTaskCancelledOnTheLoopIsACancellationForTheThread() async throws {
        let loop = try EventLoop.running
        let outcome = try await toThread {
            let future = loop.submit {
                currentTask()?.cancel()
                try await sleep(.seconds(60))
            }
            return Result { try future.wait() }
        }
        #expect(throws: CancellationError.self) { try outcome.get() }
    }

    @Test func waitingTooLongIsATimeoutAndTheTaskGoesOn() async throws {
        let loop = try EventLoop.running
        let gate = Flag()
        let value = try await toThread {
            let future = loop.submit {
                try await eventually { gate.isSet }
                return 42
            }
            #expect(throws: TimeoutError.self) { try future.wait(timeout: .milliseconds(5)) }
            #expect(!future.isDone)
            gate.set()
            return try future.wait(timeout: .seconds(60))
        }
        #expect(value == 42)
    }

    @Test func theLoopsOwnThreadIsToldThatItWouldWaitForItself() async throws {
        let future = try EventLoop.running.submit { 1 }
        #expect(throws: RuntimeError.self) { try future.wait() }
        #expect(try await future.value == 1)
        #expect(try future.wait() == 1)
        #expect(!future.cancel())
    }

    @Test func severalMayWaitForOneFuture() async throws {
        let loop = try EventLoop.running
        let future = loop.submit {
            try await sleep(.milliseconds(5))
            return 7
        }
        async let first = future.value
        async let second = toThread { try future.wait() }
        async let third = toThread { try future.wait() }
        let values = try await [first, second, third]
        #expect(values == [7, 7, 7])
        #expect(future.isDone)
    }

    @Test func theTasksOfALoopCanBeCountedFromAnotherThreadWhileOthersAreMade() async throws {
        let loop = try EventLoop.running
        let isDone = Flag()
        let makers = createTask {
            while !isDone.isSet {
                createTask { try await sleep(.microseconds(10)) }
                try await sleep(.zero)
            }
        }
        let counts = try await toThread {
            defer { isDone.set() }
            return try (0..<100).map { _ in try loop.submit { allTasks().count }.wait() }
        }
        #expect(counts.allSatisfy { $0 >= 2 })
        try await makers.value
    }
}
