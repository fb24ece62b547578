import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct LatestValueTests {
    @Test func aSlowObserverGetsTheLatestAndAFastOneEach() async throws {
        let latest = LatestValue(0)
        func observe(_ pause: Int) -> AsyncTask<[Int]> {
            createTask {
                var seen: [Int] = []
                for try await value in latest.changes {
                    seen.append(value)
                    try await sleep(.seconds(pause))
                }
                return seen
            }
        }
        let (fast, slow) = (observe(0), observe(10))
        for value in 1...4 {
            try await sleep(.seconds(1))
            latest.value = value
        }
        latest.close()
        #expect(try await fast.value == [0, 1, 2, 3, 4])
        #expect(try await slow.value == [0, 4])
        #expect(latest.value == 4)
    }

    @Test func aTaskCanWaitForACondition() async throws {
        let latest = LatestValue("starting")
        let task = createTask { try await latest.wait { $0 == "ready" } }
        try await sleep(.seconds(1))
        latest.value = "almost"
        try await settle()
        #expect(!task.isDone)
        latest.value = "ready"
        #expect(try await task.value == "ready")
        #expect(try await turns { try await latest.wait { $0 == "ready" } } == 0)
        await #expect(throws: Boom.self) { try await latest.wait { _ in throw Boom() } }
    }

    @Test func closingEndsWaitsForACondition() async throws {
        let latest = LatestValue(0)
        let task = createTask { try await latest.wait { $0 > 0 } }
        try await sleep(.seconds(1))
        latest.close()
        await #expect(throws: QueueShutDown.self) { try await task.value }
    }

    @Test func waitsCanBeCancelledAndMissNothing() async throws {
        let latest = LatestValue(0)
        let changes = latest.changes.makeAsyncIterator()
        #expect(try await changes.next() == 0)
        let waiting = [
            createTask { _ = try await changes.next() }, createTask { _ = try await latest.wait { $0 > 5 } },
        ]
        try await sleep(.seconds(1))
        latest.value = 1
        for task in waiting {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(try await changes.next() == 1)
        #expect(changes.nextNoWait() == nil)
    }

    @Test(.seeds(50)) func everyScheduleEndsWithTheLatest() async throws {
        let latest = LatestValue(0)
        let observers = (0..<3).map { _ in
            createTask {
                var seen: [Int] = []
                for try await value in latest.changes { seen.append(value) }
                return seen
            }
        }
        for value in 1...10 {
            latest.value = value
            try await sleep(.zero)
        }
        latest.close()
        for observer in observers {
            let seen = try await observer.value
            #expect(seen == seen.sorted() && seen.last == 10)
        }
    }
}
