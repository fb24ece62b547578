import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct BarrierTests {
    private func arrive(_ barrier: Barrier, _ count: Int) -> [AsyncTask<Int>] {
        (0..<count).map { _ in createTask { try await barrier.wait() } }
    }

    @Test func aBarrierNeedsSomebody() {
        #expect(throws: ValueError.self) { try Barrier(validating: 0) }
        #expect(throws: ValueError.self) { try Barrier(validating: -1) }
    }

    @Test func tasksGoOnWhenAllHaveComeAndEachHasItsPlace() async throws {
        let barrier = Barrier(3)
        let tasks = arrive(barrier, 2)
        try await settle(3)
        #expect(barrier.waiting == 2)
        #expect(tasks.map(\.isDone) == [false, false])
        #expect(try await barrier.wait() == 2)
        #expect(try await gather(tasks) == [0, 1])
        #expect(barrier.waiting == 0 && !barrier.isBroken && barrier.parties == 3)
    }

    @Test func aBarrierOfOneDoesNotSuspend() async throws {
        let barrier = Barrier(1)
        var places: [Int] = []
        let cost = try await turns {
            for _ in 0..<3 { places.append(try await barrier.wait()) }
        }
        #expect(places == [0, 0, 0])
        #expect(cost == 0)
    }

    @Test func aBarrierServesRoundAfterRound() async throws {
        let barrier = Barrier(2)
        for _ in 0..<3 {
            let places = try await gather(arrive(barrier, 2))
            #expect(places == [0, 1])
        }
    }

    @Test func whileTheLastOnesLeaveNewcomersWaitForTheNextRound() async throws {
        let barrier = Barrier(2)
        var log: [String] = []
        let first = (0..<2).map { number in
            createTask {
                try await barrier.with { index in log.append("first \(index)") }
            }
        }
        try await sleep(.zero)
        #expect(barrier.waiting == 0, "the barrier is draining")
        let second = createTask {
            let index = try await barrier.wait()
            log.append("second \(index)")
        }
        try await settle(4)
        #expect(barrier.waiting == 1)
        try await gather(first)
        _ = try await barrier.wait()
        try await second.value
        #expect(log == ["first 1", "first 0", "second 0"])
    }

    @Test func aCancelledTaskJustLeaves() async throws {
        let barrier = Barrier(2)
        let leaving = arrive(barrier, 1)[0]
        try await settle(2)
        leaving.cancel()
        try await settle(3)
        #expect(leaving.wasCancelled && !barrier.isBroken && barrier.waiting == 0)
        #expect(try await gather(arrive(barrier, 2)) == [0, 1])
    }

    @Test func aResetSendsThoseWhoWaitAwayAndTheBarrierIsAsNew() async throws {
        let barrier = Barrier(3)
        let tasks = arrive(barrier, 2)
        try await settle(3)
        try await barrier.reset()
        #expect(barrier.waiting == 0)
        // A new task waits until they have left, and belongs to the next round.
        let next = arrive(barrier, 3)
        for task in tasks {
            let error = await thrown { try await task.value }
            #expect((error as? BrokenBarrierError)?.message == "Abort or reset of barrier")
        }
        #expect(try await gather(next) == [0, 1, 2])
        #expect(!barrier.isBroken)
    }

    @Test func resettingABarrierWhereNobodyWaitsChangesNothing() async throws {
        let barrier = Barrier(2)
        try await barrier.reset()
        #expect(try await gather(arrive(barrier, 2)) == [0, 1])
    }

    @Test func anAbortedBarrierStaysBrokenUntilItIsReset() async throws {
        let barrier = Barrier(3)
        let tasks = arrive(barrier, 2)
        try await settle(3)
        try await barrier.abort()
        #expect(barrier.isBroken && barrier.waiting == 0)
        for task in tasks {
            let error = await thrown { try await task.value }
            #expect((error as? BrokenBarrierError)?.message == "Abort or reset of barrier")
        }
        let late = await thrown { try await barrier.wait() }
        #expect((late as? BrokenBarrierError)?.message == "Barrier aborted")
        try await barrier.reset()
        #expect(!barrier.isBroken)
        #expect(try await gather(arrive(barrier, 3)) == [0, 1, 2])
    }
}
