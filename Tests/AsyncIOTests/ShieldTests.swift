import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ShieldTests {
    private func slow(fails: Bool = false) -> AsyncTask<Int> {
        createTask {
            try await sleep(.seconds(5))
            if fails { throw Boom(1) }
            return 5
        }
    }

    @Test func whatHasEndedIsReadAtOnce() async throws {
        let ended = createTask(eager: true) { 1 }
        #expect(try await turns { try await shield(ended) } == 0)
        #expect(try shieldFuture(ended).result() == 1)
        let failed = Future<Int>()
        try failed.setError(Boom(2))
        #expect(await thrown { try await shield(failed) } as? Boom == Boom(2))
    }

    @Test func cancellingTheTaskThatWaitsLeavesTheShieldedRunning() async throws {
        let inner = slow()
        let outer = createTask { try await shield(inner) }
        try await settle(2)
        outer.cancel()
        #expect(await thrown { try await outer.value } is CancellationError)
        #expect(inner.cancelling == 0)
        #expect(try await inner.value == 5)
    }

    @Test func valuesErrorsAndCancellationsPass() async throws {
        #expect(try await shield(slow()) == 5)
        #expect(await thrown { try await shield(slow(fails: true)) } as? Boom == Boom(1))
        let inner = slow()
        let outer = shieldFuture(inner)
        try await settle(1)
        inner.cancel("inner")
        #expect(await thrown { try await outer.value } is CancellationError)
        #expect(outer.wasCancelled)
        #expect(currentTask()?.cancelMessage == nil, "the message stays inside")
    }

    @Test func aBodyBecomesATask() async throws {
        #expect(try await shield { 7 } == 7)
        var hasEnded = false
        let outer = createTask {
            try await shield {
                try await sleep(.seconds(1))
                hasEnded = true
            }
        }
        try await settle(3)
        outer.cancel()
        try await sleep(.seconds(2))
        #expect(outer.wasCancelled && hasEnded)
    }

    @Test func theTaskThatWaitsGoesOnTwoTurnsAfterTheShieldedHasEnded() async throws {
        let future = Future<Int>()
        let loop = try EventLoop.running
        let outer = createTask {
            _ = try await shield(future)
            return loop.turns
        }
        try await sleep(.zero)
        let start = loop.turns
        try future.setResult(1)
        #expect(try await outer.value - start == 2)
    }

    @Test func anErrorThatComesWhenNobodyWaitsAnyMoreIsReportedOnce() async throws {
        let reports = try ReportRecorder()
        do {
            let inner = slow(fails: true)
            for _ in 0..<3 { shieldFuture(inner).cancel() }
            try await sleep(.seconds(6))
        }
        #expect(reports.messages == ["Boom exception in shielded future"])
        #expect(reports.reports.first?.error as? Boom == Boom(1))
    }

    @Test func aValueThatComesWhenNobodyWaitsAnyMoreIsNoNews() async throws {
        let reports = try ReportRecorder()
        do {
            let inner = slow()
            shieldFuture(inner).cancel()
            let cancelled = slow()
            shieldFuture(cancelled).cancel()
            try await sleep(.seconds(1))
            cancelled.cancel()
            try await sleep(.seconds(6))
        }
        #expect(reports.reports.isEmpty)
    }

    @Test func aShieldDoesNotKeepAFutureAlive() async throws {
        weak var inner: Future<Int>?
        var outer: Future<Int>?
        do {
            let strong = Future<Int>()
            inner = strong
            outer = shieldFuture(strong)
        }
        _ = outer
        try await sleep(.zero)
        outer = nil
        try await sleep(.zero)
        #expect(inner == nil)
    }
}
