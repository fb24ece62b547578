import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct SelectTests {
    private func first(_ a: Queue<Int>, _ b: Queue<Int>) async throws -> String {
        try await select(.get(from: a) { "a\($0)" }, .get(from: b) { "b\($0)" })
    }

    @Test func whatIsThereIsTakenInTheOrderOfTheCases() async throws {
        let (a, b) = (Queue<Int>(), Queue<Int>())
        try a.putNoWait(1)
        try b.putNoWait(2)
        var taken: [String] = []
        let cost = try await turns { for _ in 0..<2 { taken.append(try await first(a, b)) } }
        #expect(taken == ["a1", "b2"])
        #expect(cost == 0)
    }

    @Test func itWaitsForTheFirstAndLeavesTheOthersAlone() async throws {
        let (a, b) = (Queue<Int>(), Queue<Int>())
        let task = createTask { try await first(a, b) }
        try await sleep(.seconds(1))
        #expect(!task.isDone)
        try b.putNoWait(2)
        try a.putNoWait(1)
        #expect(try await task.value == "a1")
        #expect(b.count == 1)
        #expect(try await b.get() == 2)
    }

    @Test func aWakeUpThatIsNotUsedIsPassedOn() async throws {
        let (a, b) = (Queue<Int>(), Queue<Int>())
        let selecting = createTask { try await first(a, b) }
        try await sleep(.zero)
        let getting = createTask { try await b.get() }
        try await sleep(.seconds(1))
        // Wakes the selecting task for both.
        try a.putNoWait(1)
        try b.putNoWait(2)
        #expect(try await selecting.value == "a1")
        #expect(try await getting.value == 2)
    }

    @Test func aCancelledSelectionTakesNothingAndPassesOn() async throws {
        let (a, b) = (Queue<Int>(), Queue<Int>())
        let selecting = createTask { try await first(a, b) }
        try await sleep(.zero)
        let getting = createTask { try await b.get() }
        try await sleep(.seconds(1))
        try b.putNoWait(2)
        selecting.cancel()
        await #expect(throws: CancellationError.self) { try await selecting.value }
        #expect(try await getting.value == 2)
    }

    @Test func allKindsOfChannelsCanBeSelected() async throws {
        let queue = Queue<Int>()
        let broadcast = Broadcast<Int>(capacity: 1)
        let subscription = broadcast.subscribe()
        let latest = LatestValue(0)
        let changes = latest.changes.makeAsyncIterator()
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let event = Event()
        _ = try await changes.next()
        func next() async throws -> String {
            try await select(
                .get(from: queue) { "queue \($0)" }, .next(of: subscription) { "broadcast \($0 ?? -1)" },
                .next(of: changes) { "latest \($0 ?? -1)" }, .receive(from: receiver) { "stream \($0 ?? -1)" },
                .wait(for: event) { "event" })
        }
        let actions: [(String, () throws -> Void)] = [
            ("queue 1", { try queue.putNoWait(1) }), ("broadcast 2", { try broadcast.sendNoWait(2) }),
            ("latest 3", { latest.value = 3 }), ("stream 4", { try sender.sendNoWait(4) }),
            ("event", { event.set() }),
        ]
        for (expected, action) in actions {
            let task = createTask { try await next() }
            try await sleep(.seconds(1))
            try action()
            #expect(try await task.value == expected)
        }
        event.clear()
        broadcast.close()
        #expect(try await next() == "broadcast -1")
    }

    @Test func theEndOfAStreamIsSelected() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let task = createTask { try await select(.receive(from: receiver) { $0 }) }
        try await sleep(.seconds(1))
        sender.close()
        #expect(try await task.value == nil)
        let queue = Queue<Int>()
        let waiting = createTask { try await select(.get(from: queue) { $0 }) }
        try await sleep(.seconds(1))
        queue.shutdown()
        await #expect(throws: QueueShutDown.self) { try await waiting.value }
    }

    @Test(.seeds(50)) func noScheduleLosesAnItem() async throws {
        let (a, b) = (Queue<Int>(), Queue<Int>())
        var received: [Int] = []
        let selecting = (0..<3).map { _ in
            createTask { while true { received.append(try await select(.get(from: b) { $0 }, .get(from: a) { $0 })) } }
        }
        let getting = createTask { while true { received.append(try await a.get()) } }
        for number in 0..<20 {
            try (number.isMultiple(of: 3) ? a : b).putNoWait(number)
            if number == 7 { selecting[0].cancel() }
            if number.isMultiple(of: 4) { try await sleep(.zero) }
        }
        try await settle(20)
        #expect(received.sorted() == Array(0..<20))
        for task in selecting + [getting] { task.cancel() }
        _ = try await gatherResults(selecting + [getting])
    }

    @Test func noCaseIsAMistake() async throws {
        await #expect(throws: ValueError.self) { let _: Int = try await select() }
    }
}
