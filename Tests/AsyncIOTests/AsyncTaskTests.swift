import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct AsyncTaskTests {
    // MARK: Starting

    @Test func aTaskStartsInTheNextTurn() async throws {
        var log: [String] = []
        createTask { log.append("task") }
        log.append("creator")
        try await sleep(.zero)
        #expect(log == ["creator", "task"])
    }

    @Test func tasksStartInTheOrderTheyWereCreatedAmongEverythingThatIsReady() async throws {
        var log: [String] = []
        createTask { log.append("A") }
        try EventLoop.running.callSoon { log.append("callback") }
        createTask { log.append("B") }
        try await sleep(.zero)
        #expect(log == ["A", "callback", "B"])
    }

    @Test func aTaskAndItsValueCostTwoTurns() async throws {
        #expect(try await turns { try await createTask {}.value } == 2)
    }

    @Test func awaitingAnEndedTaskDoesNotSuspend() async throws {
        let task = createTask { 7 }
        try await settle(2)
        #expect(try await turns { try await task.value } == 0)
        #expect(try await task.value == 7)
    }

    @Test func sleepingForNothingCostsOneTurn() async throws {
        #expect(try await turns { try await sleep(.zero) } == 1)
        let task = createTask { try await turns { for _ in 0..<5 { try await sleep(.zero) } } }
        #expect(try await task.value == 5)
    }

    @Test func callingAnAsyncFunctionCostsNoTurn() async throws {
        func nested(_ depth: Int) async -> Int { depth == 0 ? 0 : await nested(depth - 1) + 1 }
        #expect(try await turns { await nested(100) } == 0)
    }

    // MARK: Names

    @Test func aTaskHasTheNameItWasGivenOrANumber() async throws {
        let named = createTask(name: "reader") {}
        let first = createTask {}
        let second = createTask {}
        #expect(named.name == "reader")
        let number = try #require(Int(first.name.dropFirst("Task-".count)))
        #expect(first.name == "Task-\(number)")
        #expect(second.name == "Task-\(number + 1)")
        first.name = "renamed"
        #expect(first.name == "renamed")
        #expect(named.description.contains("reader") && named.description.contains("pending"))
    }

    // MARK: Ending

    @Test func aTaskEndsWithWhatItsBodyReturns() async throws {
        final class NotSendable { var count = 0 }
        let object = NotSendable()
        let task = createTask {
            object.count += 1
            return object
        }
        #expect(throws: InvalidStateError.self) { try task.result() }
        #expect(try await task.value === object)
        #expect(object.count == 1)
        #expect(try task.result() === object && task.isDone && !task.wasCancelled)
    }

    @Test func aTaskEndsWithTheErrorOfItsBody() async throws {
        let task = createTask { throw Boom(3) }
        #expect(await thrown { try await task.value } as? Boom == Boom(3))
        #expect(try task.error() as? Boom == Boom(3))
        #expect(task.isDone && !task.wasCancelled)
    }

    @Test func aBodyThatThrowsACancellationOfItsOwnEndsTheTaskCancelled() async throws {
        let task = createTask { throw CancellationError() }
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled)
        #expect(task.cancelling == 0)
    }

    @Test func anErrorThatNobodyReadsIsReportedWithTheTasksNameAndOrigin() async throws {
        let reports = try ReportRecorder()
        createTask(name: "lonely") { throw Boom(1) }
        try await settle(3)
        #expect(reports.messages == ["Task exception was never retrieved"])
        #expect(reports.reports.first?.subject?.contains("lonely") == true)
        #expect(reports.reports.first?.location?.contains("AsyncTaskTests.swift") == true)
        #expect(reports.reports.first?.error as? Boom == Boom(1))
    }

    @Test func aTaskThatAwaitsItselfGetsAnErrorInPlaceOfWaitingForEver() async throws {
        var task: AsyncTask<String>?
        task = createTask {
            let error = await thrown { try await task?.value }
            return "\(type(of: error ?? Boom()))"
        }
        #expect(try await task?.value == "RuntimeError")
    }

    // MARK: The current task

    @Test func theCurrentTaskIsTheOneWhoseBodyRuns() async throws {
        var seen: [String?] = []
        let loop = try EventLoop.running
        let outer = createTask(name: "outer") {
            seen.append(currentTask()?.name)
            createTask(name: "eager", eager: true) {
                seen.append(currentTask()?.name)
                try await sleep(.zero)
                seen.append(currentTask()?.name)
            }
            seen.append(currentTask()?.name)
            try loop.callSoon { seen.append(currentTask()?.name) }
            try await sleep(.zero)
            seen.append(currentTask()?.name)
        }
        try await outer.value
        // Inside the callback there is no current task.
        #expect(seen == ["outer", "eager", "outer", "eager", nil, "outer"])
    }

    @Test func theCurrentTaskIsKnownAgainAfterAForeignWait() async throws {
        let task = createTask(name: "me") {
            try await Task.sleep(for: .seconds(1))
            let first = currentTask()?.name
            await Task.yield()
            return [first, currentTask()?.name]
        }
        let other = createTask(name: "other") { try await settle(5) }
        #expect(try await task.value == ["me", "me"])
        try await other.value
    }

    @Test func allTasksAreThoseThatHaveNotEndedOldestFirst() async throws {
        let main = try #require(currentTask())
        let waiting = sleeper()
        let ended = createTask {}
        #expect(allTasks().map(ObjectIdentifier.init) == [main, waiting, ended].map(ObjectIdentifier.init))
        try await settle(2)
        #expect(allTasks().map(ObjectIdentifier.init) == [main, waiting].map(ObjectIdentifier.init))
        waiting.cancel()
        try await settle(2)
        #expect(allTasks().count == 1)
    }

    @Test func theLoopKeepsATaskThatNobodyElseHolds() async throws {
        var hasEnded = false
        createTask {
            try await sleep(.seconds(1))
            hasEnded = true
        }
        try await sleep(.seconds(2))
        #expect(hasEnded)
    }

    @Test func anEndedTaskIsLetGo() async throws {
        weak var task: AnyAsyncTask?
        do {
            let strong = createTask { try await sleep(.zero) }
            task = strong
            try await strong.value
        }
        try await settle(2)
        #expect(task == nil)
    }

    // MARK: Task-local values

    @Test func aTaskInheritsTheTaskLocalValuesOfItsCreator() async throws {
        let task = TaskValue.$request.withValue("one") { createTask { TaskValue.request } }
        #expect(try await task.value == "one")
        let eager = TaskValue.$request.withValue("two") { createTask(eager: true) { TaskValue.request } }
        #expect(try await eager.value == "two")
        #expect(TaskValue.request == "none")
    }

    @Test func whatATaskBindsDoesNotReachItsCreator() async throws {
        let task = createTask {
            try await TaskValue.$request.withValue("inside") {
                try await sleep(.zero)
                return TaskValue.request
            }
        }
        try await sleep(.zero)
        #expect(TaskValue.request == "none")
        #expect(try await task.value == "inside")
    }

    // MARK: Abandoned tasks

    @Test func aTaskThatIsPendingWhenItsLoopClosesIsNamed() throws {
        var reports: [ExceptionContext] = []
        try EventLoop.outsideOfAnyLoop {
            let loop = try VirtualLoop()
            loop.loop.setExceptionHandler { reports.append($0) }
            loop.createTask(name: "stuck") { try await Future<Void>().value }
            guard case .deadlock(let tasks) = try loop.run() else {
                Issue.record("no deadlock")
                return
            }
            #expect(tasks.map(\.name) == ["stuck"])
            try loop.close()
        }
        #expect(reports.map(\.message) == ["Task was destroyed but it is pending!"])
        #expect(reports.first?.subject?.contains("stuck") == true)
    }

    @Test func aTaskThatOutlivesItsLoopHarmsNobody() async throws {
        let future = Future<Void>()
        var log: [String] = []
        try EventLoop.outsideOfAnyLoop {
            let loop = try VirtualLoop()
            loop.loop.setExceptionHandler { _ in }
            loop.createTask { try await Future<Void>().value }
            loop.createTask {
                log.append("before")
                try await future.value
                log.append("after")
            }
            loop.createTask { try await Future<Void>().value }
            _ = try loop.run()
            try loop.close()
        }
        // It ends here, on another loop, whose tasks are not affected.
        let bystanders = (0..<3).map { number in
            createTask {
                try await sleep(.seconds(1))
                return number
            }
        }
        try future.setResult(())
        #expect(try await gather(bystanders) == [0, 1, 2])
        #expect(log == ["before", "after"])
        #expect(allTasks().count == 1)
    }

    @Test func aDeadlockNamesWhoWaitsForWhatSinceWhere() async throws {
        let error = #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                let lock = Lock()
                try await lock.acquire()
                createTask(name: "worker") { try await lock.acquire() }
                try await Future<Void>().value
            }
        }
        let worker = try #require(error?.waiting.first { $0.contains("worker") })
        #expect(worker.contains("Lock.acquire()") && worker.contains("AsyncTaskTests.swift"))
    }
}
