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

    // MARK: Futures, times, and mailboxes

    @Test func aFutureIsTakenWhenItHasEndedAndLeftAloneOtherwise() async throws {
        let (future, queue) = (Future<Int>(), Queue<Int>())
        func next() async throws -> String {
            try await select(.value(of: future) { "future \($0)" }, .get(from: queue) { "queue \($0)" })
        }
        let task = createTask { try await next() }
        try await sleep(.seconds(1))
        try queue.putNoWait(1)
        #expect(try await task.value == "queue 1")
        let cancelled = createTask { try await next() }
        try await sleep(.seconds(1))
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(!future.isDone)
        let last = createTask { try await next() }
        try await sleep(.seconds(1))
        try future.setResult(2)
        #expect(try await last.value == "future 2")
        // It has ended for good.
        #expect(try await turns { try check(try await next() == "future 2") } == 0)
    }

    @Test func theErrorOfAFutureOrTaskIsThrown() async throws {
        let failing = createTask { () async throws -> Int in
            try await sleep(.seconds(1))
            throw Boom()
        }
        await #expect(throws: Boom.self) { try await select(.value(of: failing) { $0 }) }
        let cancelled = Future<Int>()
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await select(.value(of: cancelled) { $0 }) }
    }

    @Test func aTimeEndsTheWait() async throws {
        let queue = Queue<Int>()
        let duration = try await time {
            let value = try await select(
                .get(from: queue) { $0 }, .after(.seconds(3)) { -1 }, .after(.seconds(5)) { -2 })
            #expect(value == -1)
        }
        #expect(duration == .seconds(3))
        let deadline = try EventLoop.running.now.advanced(by: .seconds(2))
        #expect(try await time { try check(try await select(.until(deadline) { "over" }) == "over") } == .seconds(2))
        // Later, it is over at once.
        #expect(try await turns { try check(try await select(.until(deadline) { "over" }) == "over") } == 0)
        #expect(
            try await turns { try check(try await select(.get(from: queue) { $0 }, .after(.zero) { -1 }) == -1) } == 0)
    }

    @Test func aTimeThatIsNotNeededLeavesNoTimer() async throws {
        let queue = Queue<Int>()
        let task = createTask { try await select(.after(.seconds(1_000)) { -1 }, .get(from: queue) { $0 }) }
        try await sleep(.seconds(1))
        try queue.putNoWait(1)
        #expect(try await task.value == 1)
        #expect(try EventLoop.running.statistics.timers == 0)
    }

    @Test func itemsOfAMailboxAreTakenAndItsEndIsAnError() async throws {
        let (mailbox, queue) = (Mailbox<Int>(), Queue<Int>())
        func next() async throws -> String {
            try await select(.get(from: mailbox) { "mailbox \($0)" }, .get(from: queue) { "queue \($0)" })
        }
        try mailbox.putNoWait(1)
        #expect(try await turns { try check(try await next() == "mailbox 1") } == 0)
        for number in 2..<5 {
            let task = createTask { try await next() }
            try await sleep(.seconds(1))
            if number == 3 { try queue.putNoWait(3) } else { try mailbox.putNoWait(number) }
            #expect(try await task.value == (number == 3 ? "queue 3" : "mailbox \(number)"))
        }
        #expect("\(mailbox)".contains("getting: 0"))
        let task = createTask { try await next() }
        try await sleep(.seconds(1))
        mailbox.shutdown()
        await #expect(throws: QueueShutDown.self) { try await task.value }
    }

    @Test func anItemThatWasPromisedGoesToAnotherOne() async throws {
        let (mailbox, stop) = (Mailbox<Int>(), Event())
        func select(_ isFirst: Bool) -> AsyncTask<Int> {
            createTask { try await AsyncIO.select(.wait(for: stop) { 0 }, .get(from: mailbox) { $0 }) }
        }
        let first = select(true)
        try await sleep(.seconds(1))
        let getting = createTask { try await mailbox.get() }
        try await sleep(.seconds(1))
        // The first one is promised the item, and takes the other case.
        try mailbox.putNoWait(7)
        stop.set()
        #expect(try await first.value == 0)
        #expect(try await getting.value == 7)
        stop.clear()
        let cancelled = select(true)
        try await sleep(.seconds(1))
        try mailbox.putNoWait(8)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(try mailbox.getNoWait() == 8)
    }

    @Test(.seeds(100)) func noScheduleLosesAnItemOfAMailboxOrAQueue() async throws {
        let (mailbox, queue, stop) = (Mailbox<Int>(maxSize: 3), Queue<Int>(maxSize: 3), Event())
        var received: [Int] = []
        let selecting = (0..<4).map { _ in
            createTask {
                while let number = try await select(
                    .get(from: mailbox) { Int?.some($0) }, .get(from: queue) { $0 }, .after(.milliseconds(3)) { -1 },
                    .wait(for: stop, { nil }))
                { if number >= 0 { received.append(number) } }
            }
        }
        let getting = [
            createTask { while true { received.append(try await mailbox.get()) } },
            createTask { while true { received.append(try await queue.get()) } },
        ]
        for number in 0..<60 {
            if number.isMultiple(of: 2) { try await mailbox.put(number) } else { try await queue.put(number) }
            if number == 20 { selecting[0].cancel() }
            if number == 30 { getting[0].cancel() }
            if number == 40 { getting[1].cancel() }
            if number.isMultiple(of: 7) { try await sleep(.milliseconds(1)) }
        }
        try await sleep(.seconds(1))
        stop.set()
        try await gather(selecting[1...])
        #expect(received.sorted() == Array(0..<60))
        _ = try await gatherResults(selecting + getting)
    }

    @Test(.seeds(50)) func tasksShareACase() async throws {
        let (stop, mailbox, queue) = (Future<Int>(), Mailbox<Int>(), Queue<Int>())
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let cases: [SelectCase<Int>] = [
            .value(of: stop) { $0 }, .get(from: mailbox) { $0 }, .get(from: queue) { $0 },
            .receive(from: receiver) { $0 ?? -1 }, .after(.seconds(60)) { -2 },
        ]
        let tasks = (0..<6).map { _ in
            createTask { try await select(cases[0], cases[1], cases[2], cases[3], cases[4]) }
        }
        try await sleep(.milliseconds(1))
        try mailbox.putNoWait(1)
        try await queue.put(2)
        try await sender.send(3)
        try await sleep(.milliseconds(1))
        try stop.setResult(4)
        var values: [Int] = []
        for task in tasks { values.append(try await task.value) }
        #expect(values.sorted() == [1, 2, 3, 4, 4, 4])
    }

    @Test func noCaseIsAMistake() async throws {
        await #expect(throws: ValueError.self) { let _: Int = try await select() }
    }
}

@Suite(.eventLoop) struct SelectThreadTests {
    @Test func itemsFromThreadsArriveInOrderAndNoneIsLost() async throws {
        let (mailbox, ticking) = (Mailbox<Int>(maxSize: 16), Queue<Int>())
        let threads = (0..<4).map { thread in
            createTask {
                try await toThread { for number in 0..<2_000 { try mailbox.putBlocking(thread * 10_000 + number) } }
            }
        }
        var received: [Int] = []
        let disturbing = createTask {
            while true {
                try ticking.putNoWait(-1)
                try await sleep(.microseconds(100))
            }
        }
        while received.count < 8_000 {
            let number = try await select(.get(from: ticking) { $0 }, .get(from: mailbox) { $0 })
            if number >= 0 { received.append(number) }
        }
        disturbing.cancel()
        try await gather(threads)
        for thread in 0..<4 {
            let numbers = received.filter { $0 / 10_000 == thread }.map { $0 % 10_000 }
            #expect(numbers == Array(0..<2_000))
        }
        _ = try? await disturbing.value
    }

    @Test func aMailboxThatIsAlwaysFullLetsOthersRun() async throws {
        let (mailbox, isOver) = (Mailbox<Int>(maxSize: 64), Event())
        let thread = createTask {
            try await toThread {
                do { while true { try mailbox.putBlocking(1) } } catch is QueueShutDown {}
            }
        }
        let other = createTask {
            for _ in 0..<20 { try await sleep(.milliseconds(1)) }
            isOver.set()
        }
        while !isOver.isSet { _ = try await select(.get(from: mailbox) { $0 }) }
        mailbox.shutdown(immediate: true)
        try await gather(other, thread)
    }
}

/// For a check within a measurement.
private func check(_ isRight: Bool) throws { if !isRight { throw Boom() } }
