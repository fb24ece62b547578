import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct SeededScheduleTests {
    /// Two tasks take money from an account if there is enough: they check, wait, and then act. In
    /// asyncio's order, the second checks in the turn in which the first acts, and after it, so the
    /// mistake never shows.
    private static func balance(seed: UInt64?) throws -> Int {
        try runInVirtualTime(seed: seed) {
            var balance = 100
            func take(_ amount: Int) async throws {
                guard balance >= amount else { return }
                try await sleep(.zero)
                balance -= amount
            }
            try await gather(
                { try await take(100) },
                {
                    try await sleep(.zero)
                    try await take(100)
                })
            return balance
        }
    }

    /// The order in which ten tasks perform three steps each.
    private static func order(seed: UInt64?) throws -> [Int] {
        try runInVirtualTime(seed: seed) {
            var order: [Int] = []
            try await gather(
                (0..<10).map { number in
                    createTask {
                        for _ in 0..<3 {
                            order.append(number)
                            try await sleep(.zero)
                        }
                    }
                })
            return order
        }
    }

    @Test func aSeedFindsAPlantedLostUpdateAndRepeatsIt() throws {
        #expect(try Self.balance(seed: nil) == 0)
        let balances = try (0..<100).map { try Self.balance(seed: $0) }
        #expect(Set(balances) == [0, -100])
        let seed = UInt64(try #require(balances.firstIndex(of: -100)))
        for _ in 0..<10 { #expect(try Self.balance(seed: seed) == -100) }
    }

    @Test func withoutASeedTheScheduleIsAsyncios() throws {
        #expect(try Self.order(seed: nil) == Array(0..<10) + Array(0..<10) + Array(0..<10))
    }

    @Test func theSameSeedGivesTheSameSchedule() throws {
        for seed: UInt64 in 0..<20 {
            let order = try Self.order(seed: seed)
            #expect(try Self.order(seed: seed) == order)
        }
    }

    @Test func otherSeedsGiveOtherSchedules() throws {
        let orders = try Set((0..<50).map { try Self.order(seed: $0) })
        #expect(orders.count == 50)
    }

    @Test func everyTaskHasItsTurnUnderEverySeed() throws {
        for seed: UInt64 in 0..<50 {
            #expect(try Self.order(seed: seed).sorted() == (0..<10).flatMap { [$0, $0, $0] })
        }
    }

    @Test func timeKeepsItsOrderUnderEverySeed() throws {
        for seed: UInt64 in 0..<50 {
            var order: [Int] = []
            try runInVirtualTime(seed: seed) {
                try await gather(
                    (0..<5).map { number in
                        createTask {
                            try await sleep(.seconds(number))
                            order.append(number)
                        }
                    })
            }
            #expect(order == [0, 1, 2, 3, 4])
        }
    }

    @Test(.seeds(20)) func aTestRunsUnderManySeeds() async throws {
        var items: [Int] = []
        let queue = Queue<Int>(maxSize: 2)
        try await withAsyncTaskGroup { group in
            for number in 0..<4 {
                try group.createTask { for item in 0..<5 { try await queue.put(10 * number + item) } }
            }
            try group.createTask { for _ in 0..<20 { items.append(try await queue.get()) } }
        }
        // In every schedule, nothing is lost, and each producer's items stay in order.
        #expect(Set(items).count == 20)
        for number in 0..<4 {
            #expect(items.filter { $0 / 10 == number } == (0..<5).map { 10 * number + $0 })
        }
    }
}
