import AsyncIO
import AsyncIOTesting
import Testing

/// The contents of a `TimeoutError`, and limits that apply however the body ends.
@Suite(.virtualTime) struct TimeoutErrorTests {
    private struct Own: Error, CustomStringConvertible { let description = "no luck" }

    /// A wait that returns when it is cancelled, as a loop over an `AsyncStream` does.
    nonisolated(nonsending) private func returning() async -> Int {
        try? await Task.sleep(for: .seconds(3600))
        return 5
    }

    // MARK: Contents

    @Test func itTellsHowLongAndWhereAndWhatCame() async throws {
        let start = try EventLoop.running.now
        let line: UInt = #line + 1
        let error = await thrown { try await withTimeout(.seconds(2)) { try await sleep(.seconds(10)) } }
        let timeout = try #require(error as? TimeoutError)
        #expect(timeout.limit == .seconds(2))
        #expect(timeout.deadline == start + .seconds(2))
        #expect(timeout.site?.line == line && timeout.site?.fileID == #fileID)
        #expect(timeout.underlyingError is CancellationError)
        #expect("\(timeout)" == "the operation timed out after 2.0 seconds (limit set at \(#fileID):\(line))")
    }

    @Test func aDeadlineIsToldAsSuch() async throws {
        let deadline = try EventLoop.running.now + .seconds(3)
        let line: UInt = #line + 1
        let error = await thrown { try await withTimeout(until: deadline) { _ in try await sleep(.seconds(10)) } }
        let timeout = try #require(error as? TimeoutError)
        #expect(timeout.limit == nil && timeout.deadline == deadline && timeout.site?.line == line)
        #expect("\(timeout)" == "the operation timed out at its deadline (limit set at \(#fileID):\(line))")
    }

    @Test func aDeadlineThatWasMovedIsTheOneThatIsTold() async throws {
        let start = try EventLoop.running.now
        let error = await thrown {
            try await withTimeout(.seconds(3)) { timeout in
                try timeout.reschedule(to: timeout.when.map { $0 + .seconds(4) })
                try await sleep(.seconds(10))
            }
        }
        #expect((error as? TimeoutError)?.limit == nil)
        #expect((error as? TimeoutError)?.deadline == start + .seconds(7))
    }

    @Test func oneOfTheProgramsOwnSaysNoMoreThanItKnows() {
        #expect("\(TimeoutError())" == "the operation timed out")
        let error = TimeoutError(limit: .seconds(1), underlyingError: Own())
        #expect("\(error)" == "the operation timed out after 1.0 seconds, and ended with Own: no luck")
    }

    @Test func everyLimitTellsWhereItWasSet() async throws {
        let never = Future<Int>()
        func check(_ line: UInt, _ body: () async throws -> Void) async {
            let error = await failure(of: body) as? TimeoutError
            #expect(error?.limit == .seconds(1) && error?.site?.line == line)
        }
        await check(#line) { try await waitFor(never, timeout: .seconds(1)) }
        await check(#line) { try await waitFor(timeout: .seconds(1)) { try await sleep(.seconds(5)) } }
        await check(#line) { for try await _ in asCompleted([Future<Int>()], timeout: .seconds(1)) {} }
        let zero = await thrown { try await waitFor(timeout: .zero) {} } as? TimeoutError
        #expect(zero?.limit == .zero && zero?.site != nil)
    }

    private func failure(of body: () async throws -> Void) async -> (any Error)? {
        do { try await body() } catch { return error }
        return nil
    }

    // MARK: Bodies that end late

    @Test func aBodyThatReturnsLateKeepsItsValueAndTheTimeoutKnows() async throws {
        var kept: Timeout?
        let value = try await withTimeout(.seconds(2)) { timeout in
            kept = timeout
            return await returning()
        }
        #expect(value == 5 && kept?.isExpired == true)
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func aHardLimitThrowsHoweverTheBodyEnds() async throws {
        let late = await thrown { try await withTimeout(.seconds(2), lateResult: .discard) { await returning() } }
        #expect(late is TimeoutError && (late as? TimeoutError)?.underlyingError == nil)
        let failed = await thrown {
            try await withTimeout(.seconds(2), lateResult: .discard) {
                _ = await returning()
                throw Own()
            }
        }
        #expect((failed as? TimeoutError)?.underlyingError is Own)
        let deadline = try EventLoop.running.now + .seconds(1)
        #expect(
            await thrown { try await withTimeout(until: deadline, lateResult: .discard) { _ in await returning() } }
                is TimeoutError)
        #expect(
            await thrown { try await waitFor(timeout: .seconds(1), lateResult: .discard) { await returning() } }
                is TimeoutError)
        for timeout in [Duration.seconds(1), .zero] {
            let task = createTask {
                do { try await sleep(.seconds(10)) } catch {}
                return 5
            }
            try await sleep(.zero)
            #expect(await thrown { try await waitFor(task, timeout: timeout, lateResult: .discard) } is TimeoutError)
        }
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func aHardLimitThatDidNotRunOutChangesNothing() async throws {
        #expect(try await withTimeout(.seconds(2), lateResult: .discard) { 5 } == 5)
        #expect(await thrown { try await withTimeout(.seconds(2), lateResult: .discard) { throw Own() } } is Own)
    }

    @Test func aHardLimitLetsAnothersCancellationPass() async throws {
        let task = createTask {
            try await withTimeout(.seconds(2), lateResult: .discard) { try await sleep(.seconds(10)) }
        }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
    }
}
