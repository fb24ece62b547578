import AsyncIO
import AsyncIOTesting
import Testing

/// Features of task groups beyond those of asyncio 3.14.
@Suite(.virtualTime) struct TaskGroupAdditionsTests {
    // MARK: limit

    @Test func noMoreThanTheLimitRunAtATimeFirstComeFirstServed() async throws {
        var running = 0
        var most = 0
        var order: [Int] = []
        let duration = try await time {
            try await withAsyncTaskGroup(limit: 3) { group in
                for number in 0..<9 {
                    try group.createTask {
                        order.append(number)
                        running += 1
                        most = max(most, running)
                        try await sleep(.seconds(1))
                        running -= 1
                    }
                }
            }
        }
        #expect(most == 3)
        #expect(order == Array(0..<9))
        #expect(duration == .seconds(3))
    }

    @Test func tasksThatWaitForRoomNeverBeginWhenTheGroupFails() async throws {
        var begun = 0
        await #expect(throws: ExceptionGroup.self) {
            try await withAsyncTaskGroup(limit: 1) { group in
                for _ in 0..<5 {
                    try group.createTask {
                        begun += 1
                        try await sleep(.seconds(1))
                        throw Boom()
                    }
                }
            }
        }
        #expect(begun == 1)
    }

    @Test func aLimitOfNobodyIsAMistake() async throws {
        await #expect(throws: ValueError.self) { try await withAsyncTaskGroup(limit: 0) { _ in } }
    }

    // MARK: start

    @Test func startWaitsUntilTheTaskIsReadyAndTheTaskGoesOn() async throws {
        var log: [String] = []
        try await withAsyncTaskGroup { group in
            let port: Int = try await group.start { ready in
                try await sleep(.seconds(1))
                log.append("listening")
                ready(8080)
                try await sleep(.seconds(1))
                log.append("served")
            }
            log.append("port \(port)")
        }
        #expect(log == ["listening", "port 8080", "served"])
    }

    @Test func aTaskMayBeReadyWithoutAValue() async throws {
        var hasGoneOn = false
        try await withAsyncTaskGroup { group in
            let value: Void = try await group.start { ready in
                ready()
                try await sleep(.seconds(1))
                hasGoneOn = true
            }
            #expect(value == () && !hasGoneOn)
        }
        #expect(hasGoneOn)
    }

    @Test func anErrorBeforeReadyIsTheStartersAndNotTheGroups() async throws {
        var siblingHasEnded = false
        try await withAsyncTaskGroup { group in
            try group.createTask {
                try await sleep(.seconds(5))
                siblingHasEnded = true
            }
            await #expect(throws: Boom(1)) {
                let _: Int = try await group.start { _ in
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
            }
        }
        #expect(siblingHasEnded)
    }

    @Test func anErrorAfterReadyIsTheGroups() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup { group in
                let value: Int = try await group.start { ready in
                    ready(1)
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
                #expect(value == 1)
                try await sleep(.seconds(60))
            }
        }
        #expect((error as? ExceptionGroup)?.errors as? [Boom] == [Boom(1)])
    }

    @Test func aTaskThatEndsWithoutBeingReadyIsAMistake() async throws {
        try await withAsyncTaskGroup { group in
            await #expect(throws: RuntimeError.self) { let _: Int = try await group.start { _ in } }
        }
    }

    @Test func cancellingTheStarterCancelsTheTask() async throws {
        var wasCancelled = false
        try await withAsyncTaskGroup { group in
            let starter = createTask {
                let _: Int = try await group.start { _ in
                    do {
                        try await sleep(.seconds(3600))
                    } catch {
                        wasCancelled = true
                        throw error
                    }
                }
            }
            try await sleep(.seconds(1))
            starter.cancel()
            await #expect(throws: CancellationError.self) { try await starter.value }
        }
        #expect(wasCancelled)
    }

    @Test func aFailingGroupEndsAStartThatWaits() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
                let _: Int = try await group.start { _ in try await sleep(.seconds(3600)) }
            }
        }
        #expect((error as? ExceptionGroup)?.errors as? [Boom] == [Boom(1)])
    }

    // MARK: unwrapsSingleError

    @Test func aSingleErrorIsThrownAsItIsOnRequest() async throws {
        await #expect(throws: Boom(1)) {
            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
                _ = try group.createTask { throw Boom(1) }
            }
        }
        await #expect(throws: Boom(2)) {
            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { _ in throw Boom(2) }
        }
    }

    @Test func aSingleErrorOfANestedGroupIsUnwrappedToo() async throws {
        await #expect(throws: Boom(1)) {
            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
                _ = try group.createTask {
                    _ = try await withAsyncTaskGroup { inner in try inner.createTask { throw Boom(1) } }
                }
            }
        }
    }

    @Test func severalErrorsStayTogether() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
                try group.createTask { throw Boom(1) }
                try group.createTask { throw Boom(2) }
            }
        }
        #expect((error as? ExceptionGroup)?.errors as? [Boom] == [Boom(1), Boom(2)])
    }

    // MARK: cancel

    @Test func cancelEndsTheGroupEarlyWithoutAnError() async throws {
        var wasCancelled = false
        try await withAsyncTaskGroup { group in
            try group.createTask {
                do {
                    try await sleep(.seconds(3600))
                } catch {
                    wasCancelled = true
                    throw error
                }
            }
            try group.createTask {
                try await sleep(.seconds(1))
                group.cancel()
            }
            try await sleep(.seconds(3600))
        }
        #expect(wasCancelled)
        // The group's own request was withdrawn.
        #expect(currentTask()?.cancelling == 0)
        try await Task.sleep(for: .seconds(1))
    }

    @Test func aBodyThatCancelEndsBeforeItHasAValueThrowsACancellation() async throws {
        let error = await thrown {
            let value: Int = try await withAsyncTaskGroup { group in
                group.cancel()
                try await sleep(.seconds(3600))
                return 1
            }
            Issue.record("got \(value)")
        }
        #expect(error is CancellationError)
        #expect(currentTask()?.cancelling == 0)
        // The task itself was not cancelled.
        try await sleep(.zero)
    }

    @Test func aBodyThatReturnsAfterACancelHasItsValue() async throws {
        let value = try await withAsyncTaskGroup { group in
            group.cancel()
            return 1
        }
        #expect(value == 1)
    }

    @Test func errorsThatComeOfACancelAreThrown() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    do { try await sleep(.seconds(3600)) } catch { throw Boom(1) }
                }
                try await sleep(.zero)
                group.cancel()
            }
        }
        #expect((error as? ExceptionGroup)?.errors as? [Boom] == [Boom(1)])
    }

    @Test func aGroupThatIsCancelledBeforehandEndsAtItsFirstWait() async throws {
        let group = AsyncTaskGroup()
        group.cancel()
        var hasBegun = false
        try await withAsyncTaskGroup(group) {
            hasBegun = true
            try await sleep(.seconds(3600))
        }
        #expect(hasBegun)
    }

    @Test func aCancelledGroupTakesNoMoreTasks() async throws {
        try await withAsyncTaskGroup { group in
            group.cancel()
            #expect(throws: RuntimeError.self) { try group.createTask {} }
        }
    }
}
