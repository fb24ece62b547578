import AsyncIO
import AsyncIOTesting
import Testing

/// Calling what belongs to the loop's thread from another thread stops the program with a message,
/// because memory safety depends on it.
@Suite struct MisuseTests {
    @Test @concurrent func createTaskOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { createTask {} }
        }
        #expect(result?.saysWhere("createTask") == true)
    }

    @Test @concurrent func sleepOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { try? await sleep(.milliseconds(1)) }
        }
        #expect(result?.saysWhere("sleep") == true)
    }

    @Test @concurrent func sleepOfNoTimeOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { try? await sleep(.zero) }
        }
        #expect(result?.saysWhere("sleep") == true)
    }

    @Test @concurrent func awaitingAFutureOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { _ = try? await Future<Int>().value }
        }
        #expect(result?.saysWhere("await") == true)
    }

    @Test @concurrent func waitingForAnEventOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { _ = try? await Event().wait() }
        }
        #expect(result?.saysWhere("await") == true)
    }

    @Test @concurrent func gettingFromAQueueOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { _ = try? await Queue<Int>().get() }
        }
        #expect(result?.saysWhere("await") == true)
    }

    @Test @concurrent func withTimeoutOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { try? await withTimeout(.seconds(1)) { _ in } }
        }
        #expect(result?.standardError.contains("on a thread that runs no event loop") == true)
    }

    @Test @concurrent func gatherOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { _ = try? await gather({ 1 }, { 2 }) }
        }
        #expect(result?.standardError.contains("on a thread that runs no event loop") == true)
    }

    @Test @concurrent func toThreadOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { try? await toThread {} }
        }
        #expect(result?.saysWhere("toThread") == true)
    }

    @Test @concurrent func allTasksOnThePool() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            await offTheLoop { _ = allTasks() }
        }
        #expect(result?.saysWhere("allTasks") == true)
    }

    @Test @concurrent func callSoonFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            let loop = try EventLoop.running
            await offTheLoop { _ = try? loop.callSoon {} }
        }
        #expect(result?.saysTheOtherWay("callSoon") == true)
    }

    @Test @concurrent func callLaterFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            let loop = try EventLoop.running
            onForeignThread { _ = try? loop.callLater(.seconds(1)) {} }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.saysTheOtherWay("callLater") == true)
    }

    @Test @concurrent func stopFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            let loop = try EventLoop.running
            onForeignThread { loop.stop() }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.saysTheOtherWay("stop") == true)
    }

    @Test @concurrent func addReaderFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            let loop = try EventLoop.running
            onForeignThread { try? loop.addReader(Int32(0)) {} }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.saysTheOtherWay("addReader") == true)
    }

    /// No one waits for the future, so nothing of the loop would be touched.
    @Test @concurrent func settingTheResultOfAFutureFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            // Without this, the compiler rejects it.
            nonisolated(unsafe) let future = Future<Int>()
            onForeignThread { unsafe try? future.setResult(1) }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.saysWhere("Completing a future") == true)
    }

    @Test @concurrent func cancellingATaskFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            nonisolated(unsafe) let task = createTask { try await sleep(.seconds(60)) }
            try await sleep(.milliseconds(1))
            onForeignThread { _ = unsafe task.cancel() }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.saysWhere("Completing a future") == true)
    }

    @Test @concurrent func settingAnEventFromAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            nonisolated(unsafe) let event = Event()
            createTask { try await event.wait() }
            try await sleep(.milliseconds(1))
            onForeignThread { unsafe event.set() }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.saysWhere("Completing a future") == true)
    }

    @Test @concurrent func mainActorCodeOnAnotherThread() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            onForeignThread { onLoop {} }
            try await Task.sleep(for: .seconds(60))
        }
        #expect(result?.standardError.contains("called on a thread that does not run the event loop") == true)
    }

    @Test func withoutALoopThereIsAnErrorToCatch() throws {
        atTopLevel {
            #expect(EventLoop.current == nil)
            #expect(currentTask() == nil)
            let error = #expect(throws: RuntimeError.self) { try EventLoop.running }
            #expect(error?.message == "no running event loop")
        }
    }

    @Test func onThePoolThereIsNoCurrentLoopAndNoCurrentTask() async {
        let seen = await withTaskExecutorPreference(ThreadPool.shared) { await whatIsCurrent() }
        #expect(seen == [true, true])
    }
}

/// Runs `body` on the thread pool, as a careless program might.
@concurrent nonisolated private func onPool(_ body: @Sendable @concurrent () async -> Void) async { await body() }

nonisolated private func offTheLoop(_ body: @Sendable @concurrent () async -> Void) async {
    await withTaskExecutorPreference(ThreadPool.shared) { await onPool(body) }
}

@concurrent nonisolated private func whatIsCurrent() async -> [Bool] {
    [EventLoop.current == nil, currentTask() == nil]
}

nonisolated extension ExitTest.Result {
    fileprivate func saysWhere(_ operation: String) -> Bool {
        standardError.contains("\(operation) was called on a thread that runs no event loop")
    }

    fileprivate func saysTheOtherWay(_ operation: String) -> Bool {
        standardError.contains("\(operation) was called on a thread that is not the event loop's")
            && standardError.contains("callSoonThreadSafe")
    }
}
