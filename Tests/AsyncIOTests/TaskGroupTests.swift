import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct TaskGroupTests {
    /// The errors of the group that `body` throws.
    private func errors<T>(_ body: () async throws -> T) async throws -> [Int] {
        let group = try #require(await thrown(by: body) as? ExceptionGroup)
        return group.errors.map { ($0 as? Boom)?.number ?? -1 }
    }

    // MARK: Normal use

    @Test func aGroupWaitsForItsTasks() async throws {
        var log: [Int] = []
        let passed = try await time {
            try await withAsyncTaskGroup { group in
                for number in 1...3 {
                    try group.createTask {
                        try await sleep(.seconds(number))
                        log.append(number)
                    }
                }
            }
        }
        #expect(log == [1, 2, 3])
        #expect(passed == .seconds(3))
    }

    @Test func aGroupReturnsWhatItsBodyReturns() async throws {
        let value = try await withAsyncTaskGroup { group in
            let task = try group.createTask(name: "child") { 2 }
            #expect(task.name == "child")
            return try await task.value + 1
        }
        #expect(value == 3)
    }

    @Test func leavingAGroupWithoutUnfinishedTasksDoesNotSuspend() async throws {
        #expect(try await turns { try await withAsyncTaskGroup { _ in } } == 0)
        let cost = try await turns {
            try await withAsyncTaskGroup { group in
                try group.createTask {}
                try await settle(2)
            }
        }
        #expect(cost == 2)
    }

    @Test func aGroupOfTasksThatEndAtOnceCostsThreeTurnsAndOneOfEagerTasksTwo() async throws {
        let ordinary = try await turns {
            try await withAsyncTaskGroup { group in for _ in 0..<5 { try group.createTask {} } }
        }
        let eager = try await turns {
            try await withAsyncTaskGroup { group in for _ in 0..<5 { try group.createTask(eager: true) {} } }
        }
        #expect(ordinary == 3 && eager == 2)
    }

    @Test func tasksMayBeAddedByTasksWhileTheGroupEnds() async throws {
        var log: [String] = []
        try await withAsyncTaskGroup { group in
            try group.createTask {
                try await sleep(.seconds(1))
                try group.createTask {
                    try await sleep(.seconds(1))
                    log.append("grandchild")
                }
                log.append("child")
            }
        }
        #expect(log == ["child", "grandchild"])
    }

    @Test func aTaskThatEndsCancelledIsNoError() async throws {
        var log: [String] = []
        try await withAsyncTaskGroup { group in
            let cancelled = try group.createTask { try await sleep(.seconds(10)) }
            try group.createTask { throw CancellationError() }
            try group.createTask {
                try await sleep(.seconds(2))
                log.append("sibling")
            }
            try await sleep(.seconds(1))
            cancelled.cancel()
        }
        #expect(log == ["sibling"])
    }

    // MARK: Misuse

    @Test func aGroupIsEnteredOnce() async throws {
        let group = AsyncTaskGroup()
        #expect(throws: RuntimeError.self) { try group.createTask {} }
        try await withAsyncTaskGroup(group) {
            #expect(await thrown { try await withAsyncTaskGroup(group) {} } is RuntimeError)
        }
        #expect(await thrown { try await withAsyncTaskGroup(group) {} } is RuntimeError)
    }

    @Test func anEndedGroupTakesNoTasks() async throws {
        let group = AsyncTaskGroup()
        try await withAsyncTaskGroup(group) {}
        var hasRun = false
        #expect(throws: RuntimeError.self) { try group.createTask { hasRun = true } }
        try await settle()
        #expect(!hasRun)
    }

    @Test func aGroupThatIsShuttingDownTakesNoTasks() async throws {
        var late: (any Error)?
        var hasRun = false
        let numbers = try await errors {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw Boom(1) }
                do { try await sleep(.seconds(10)) } catch {
                    do { try group.createTask { hasRun = true } } catch { late = error }
                    throw error
                }
            }
        }
        #expect(numbers == [1])
        #expect(late is RuntimeError && !hasRun)
    }

    // MARK: Failing

    @Test func theFirstFailureCancelsTheSiblingsAndTheBodyOnce() async throws {
        var log: [String] = []
        let numbers = try await errors {
            try await withAsyncTaskGroup { group in
                for name in ["a", "b"] {
                    try group.createTask(name: name) {
                        do { try await sleep(.seconds(10)) } catch {
                            log.append("\(name) \(currentTask()?.cancelling ?? 0)")
                            throw error
                        }
                    }
                }
                try group.createTask {
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
                do { try await sleep(.seconds(10)) } catch {
                    log.append("body \(currentTask()?.cancelling ?? 0)")
                    throw error
                }
            }
        }
        #expect(numbers == [1])
        #expect(log == ["a 1", "b 1", "body 1"])
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func aFailureReachesSiblingsTwoTurnsLaterAndTheParentFour() async throws {
        // Counted as in the table of measured costs: the child fails in turn 2.
        var siblingTurn: UInt64 = 0
        let loop = try EventLoop.running
        let start = loop.turns
        let error = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw Boom(1) }
                try group.createTask {
                    do { try await sleep(.seconds(10)) } catch {
                        siblingTurn = loop.turns - start
                        throw error
                    }
                }
            }
        }
        #expect(error is ExceptionGroup)
        #expect(siblingTurn == 3)
        #expect(loop.turns - start == 5)
    }

    @Test func aFailureWhileTheGroupWaitsCancelsTheSiblings() async throws {
        let passed = try await time {
            let numbers = try await errors {
                try await withAsyncTaskGroup { group in
                    try group.createTask { try await sleep(.seconds(10)) }
                    try group.createTask {
                        try await sleep(.seconds(1))
                        throw Boom(1)
                    }
                }
            }
            #expect(numbers == [1])
        }
        #expect(passed == .seconds(1))
    }

    @Test func errorsComeInTheOrderTheyHappenedAndTheBodysLast() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw Boom(1) }
                try group.createTask {
                    do { try await sleep(.seconds(10)) } catch { throw Boom(3) }
                }
                try group.createTask {
                    do { try await sleep(.seconds(10)) } catch {
                        try await sleep(.seconds(1))
                        throw Boom(4)
                    }
                }
                try group.createTask { throw Boom(2) }
                do { try await sleep(.seconds(10)) } catch { throw Boom(5) }
            }
        }
        let group = try #require(error as? ExceptionGroup)
        #expect(group.errors.compactMap { ($0 as? Boom)?.number } == [1, 2, 3, 4, 5])
        #expect(group.message == "unhandled errors in a TaskGroup")
    }

    @Test func theBodysErrorAloneIsThrownInAGroupAndCancelsTheTasks() async throws {
        var wasCancelled = false
        let numbers = try await errors {
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    do { try await sleep(.seconds(10)) } catch {
                        wasCancelled = true
                        throw error
                    }
                }
                try await sleep(.zero)
                throw Boom(1)
            }
        }
        #expect(numbers == [1])
        #expect(wasCancelled)
    }

    @Test func anEagerTaskThatFailsDoesNotCancelItsCreatorAtOnce() async throws {
        var log: [String] = []
        let numbers = try await errors {
            try await withAsyncTaskGroup { group in
                try group.createTask(eager: true) { throw Boom(1) }
                log.append("went on")
                try group.createTask(eager: true) { log.append("another") }
                try await sleep(.seconds(1))
                log.append("not reached")
            }
        }
        #expect(numbers == [1])
        #expect(log == ["went on", "another"])
    }

    // MARK: Cancellation from outside

    @Test func aCancellationFromOutsideCancelsTheTasksAndPassesThrough() async throws {
        var cancelled = 0
        let task = createTask {
            try await withAsyncTaskGroup { group in
                for _ in 0..<2 {
                    try group.createTask {
                        do { try await sleep(.seconds(10)) } catch {
                            cancelled += 1
                            throw error
                        }
                    }
                }
            }
        }
        try await sleep(.seconds(1))
        task.cancel("outside")
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(cancelled == 2 && task.cancelling == 1 && task.wasCancelled)
        #expect(currentTask()?.cancelMessage == "outside")
    }

    @Test func theGroupWaitsForItsTasksHoweverOftenItIsCancelled() async throws {
        let task = createTask {
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    do { try await sleep(.seconds(10)) } catch { try await sleep(.seconds(5)) }
                }
            }
        }
        try await sleep(.seconds(1))
        let passed = try await time {
            task.cancel()
            try await sleep(.seconds(1))
            task.cancel()
            task.cancel()
            #expect(await thrown { try await task.value } is CancellationError)
        }
        #expect(passed == .seconds(5))
        #expect(task.cancelling == 3)
    }

    @Test func errorsDuringACancellationFromOutsideAreThrownAndTheNextWaitTellsOfIt() async throws {
        var log: [String] = []
        let task = createTask {
            do {
                try await withAsyncTaskGroup { group in
                    try group.createTask {
                        do { try await sleep(.seconds(10)) } catch { throw Boom(1) }
                    }
                }
            } catch is ExceptionGroup {
                log.append("group \(currentTask()?.cancelling ?? 0)")
            }
            do { try await sleep(.seconds(1)) } catch { log.append("cancelled") }
            try await sleep(.seconds(1))
            log.append("once")
        }
        try await sleep(.seconds(1))
        task.cancel()
        try await task.value
        #expect(log == ["group 1", "cancelled", "once"])
    }

    @Test func aFailureAndACancellationTogetherThrowTheErrorsAndKeepTheRequest() async throws {
        var log: [String] = []
        let task = createTask {
            do {
                try await withAsyncTaskGroup { group in
                    try group.createTask {
                        try await sleep(.seconds(1))
                        throw Boom(1)
                    }
                }
            } catch is ExceptionGroup {
                log.append("group \(currentTask()?.cancelling ?? 0)")
            }
            do { try await sleep(.seconds(1)) } catch { log.append("cancelled") }
        }
        // The child's failure is known in the next turn, together with the cancellation.
        try EventLoop.running.callLater(.seconds(1)) {
            try EventLoop.running.callSoon { task.cancel() }
        }
        try await task.value
        #expect(log == ["group 1", "cancelled"])
    }

    @Test func aGroupsOwnCancellationDoesNotLeakOut() async throws {
        _ = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw Boom(1) }
                try await sleep(.seconds(1))
            }
        }
        #expect(currentTask()?.cancelling == 0)
        #expect(try await time { try await sleep(.seconds(1)) } == .seconds(1))
        #expect(try await time { try await Task.sleep(for: .seconds(1)) } == .seconds(1))
    }

    @Test func groupsMayBeNestedAndTheirErrorsAre() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup { outer in
                try outer.createTask {
                    try await withAsyncTaskGroup { inner in
                        try inner.createTask { throw Boom(1) }
                    }
                }
                try outer.createTask { try await sleep(.seconds(10)) }
            }
        }
        let group = try #require(error as? ExceptionGroup)
        #expect(group.errors.count == 1)
        #expect((group.errors.first as? ExceptionGroup)?.errors.first as? Boom == Boom(1))
    }

    @Test func nestedGroupsThatAreBothCancelledEndOnce() async throws {
        var log: [String] = []
        let error = await thrown {
            try await withAsyncTaskGroup { outer in
                try outer.createTask {
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
                do {
                    try await withAsyncTaskGroup { inner in
                        try inner.createTask {
                            try await sleep(.seconds(1))
                            throw Boom(2)
                        }
                        try await sleep(.seconds(10))
                    }
                } catch let group as ExceptionGroup {
                    log.append("\(group.errors)")
                    throw group
                }
            }
        }
        #expect(log == ["[boom 2]"])
        #expect((error as? ExceptionGroup)?.flattened.compactMap { ($0 as? Boom)?.number } == [1, 2])
        #expect(currentTask()?.cancelling == 0)
    }

    // MARK: cancel()

    @Test func aCancelledGroupEndsItsTasksAndItsBodyAndReturns() async throws {
        var log: [String] = []
        try await withAsyncTaskGroup { group in
            try group.createTask {
                do { try await sleep(.seconds(10)) } catch {
                    log.append("child")
                    throw error
                }
            }
            try await sleep(.seconds(1))
            group.cancel()
            group.cancel()
            try await sleep(.seconds(10))
            log.append("not reached")
        }
        #expect(log == ["child"])
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func aGroupMayBeCancelledByItsTasks() async throws {
        let passed = try await time {
            try await withAsyncTaskGroup { group in
                try group.createTask { try await sleep(.seconds(10)) }
                try group.createTask {
                    try await sleep(.seconds(1))
                    group.cancel()
                }
            }
        }
        #expect(passed == .seconds(1))
    }

    @Test func aGroupCancelledBeforeItIsEnteredEndsAtTheBodysFirstWait() async throws {
        let group = AsyncTaskGroup()
        group.cancel()
        var log: [String] = []
        try await withAsyncTaskGroup(group) {
            log.append("begins")
            try await sleep(.zero)
            log.append("goes on")
        }
        #expect(log == ["begins"])
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func cancellingAnEndedGroupDoesNothing() async throws {
        let group = AsyncTaskGroup()
        try await withAsyncTaskGroup(group) {}
        group.cancel()
        try await sleep(.zero)
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func errorsOfACancelledGroupAreThrown() async throws {
        let numbers = try await errors {
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    do { try await sleep(.seconds(10)) } catch { throw Boom(1) }
                }
                try await sleep(.seconds(1))
                group.cancel()
                do { try await sleep(.seconds(10)) } catch { throw Boom(2) }
            }
        }
        #expect(numbers == [1, 2])
    }

    @Test func aCancelledGroupTakesNoTasks() async throws {
        try await withAsyncTaskGroup { group in
            group.cancel()
            #expect(throws: RuntimeError.self) { try group.createTask {} }
        }
    }

    @Test func aTaskThatCancelsItsGroupInItsEagerFirstStepIsCancelledToo() async throws {
        var log: [String] = []
        try await withAsyncTaskGroup { group in
            try group.createTask(eager: true) {
                group.cancel()
                do { try await sleep(.seconds(10)) } catch {
                    log.append("cancelled")
                    throw error
                }
            }
        }
        #expect(log == ["cancelled"])
    }

    @Test func aTaskMadeByAnEagerTaskWhoseCreatorFailsIsCancelled() async throws {
        var log: [String] = []
        let numbers = try await errors {
            try await withAsyncTaskGroup { group in
                try group.createTask(eager: true) {
                    try group.createTask {
                        do { try await sleep(.seconds(10)) } catch {
                            log.append("cancelled")
                            throw error
                        }
                    }
                    throw Boom(1)
                }
                try await sleep(.seconds(20))
            }
        }
        #expect(numbers == [1])
        #expect(log == ["cancelled"])
    }
}
