import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct QueueTests {
    /// A queue with these items in it.
    private func queue(_ items: [Int], maxSize: Int = 0) throws -> Queue<Int> {
        let queue = Queue<Int>(maxSize: maxSize)
        for item in items { try queue.putNoWait(item) }
        return queue
    }

    // MARK: Putting and getting

    @Test func theFirstInIsTheFirstOut() async throws {
        let queue = try queue([1, 2])
        try await queue.put(3)
        #expect(queue.count == 3 && !queue.isEmpty)
        var items: [Int] = []
        while !queue.isEmpty { items.append(try await queue.get()) }
        #expect(items == [1, 2, 3])
    }

    @Test(arguments: [0, -1]) func aQueueWithoutASizeIsNeverFull(maxSize: Int) throws {
        let queue = try queue(Array(0..<1000), maxSize: maxSize)
        #expect(!queue.isFull)
    }

    @Test func whatCannotBeDoneAtOnceIsAnError() throws {
        let queue = try queue([1, 2], maxSize: 2)
        #expect(queue.isFull)
        #expect(throws: QueueFull.self) { try queue.putNoWait(3) }
        #expect(try queue.getNoWait() == 1 && queue.getNoWait() == 2)
        #expect(throws: QueueEmpty.self) { try queue.getNoWait() }
    }

    @Test func whatCanBeDoneAtOnceDoesNotSuspend() async throws {
        let queue = Queue<Int>(maxSize: 1)
        let cost = try await turns {
            for number in 0..<5 {
                try await queue.put(number)
                #expect(try await queue.get() == number)
            }
            try await queue.put(5)
        }
        #expect(cost == 0)
    }

    @Test func aGetterWaitsForAnItemAndAPutterForRoom() async throws {
        let queue = Queue<Int>(maxSize: 1)
        var log: [String] = []
        let producer = createTask {
            for number in 0..<3 {
                try await queue.put(number)
                log.append("put \(number)")
            }
        }
        try await settle(2)
        #expect(log == ["put 0"])
        for number in 0..<3 { #expect(try await queue.get() == number) }
        try await producer.value
        #expect(log == ["put 0", "put 1", "put 2"])
    }

    @Test func twoItemsWakeTwoGettersInTheNextTurnInOrder() async throws {
        let queue = Queue<Int>()
        let loop = try EventLoop.running
        let tasks = (0..<2).map { _ in createTask { (try await queue.get(), loop.turns) } }
        try await sleep(.zero)
        let start = loop.turns
        try queue.putNoWait(1)
        try queue.putNoWait(2)
        let results = try await gather(tasks)
        #expect(results.map(\.0) == [1, 2])
        #expect(results.map { $0.1 - start } == [1, 1])
    }

    @Test func aWokenGetterWhoseItemWasTakenWaitsAtTheEndOfTheLine() async throws {
        let queue = Queue<Int>()
        var log: [String] = []
        let tasks = ["first", "second"].map { name in
            createTask { log.append("\(name) \(try await queue.get())") }
        }
        try await sleep(.zero)
        try queue.putNoWait(1)
        #expect(try queue.getNoWait() == 1)
        try await settle(2)
        try queue.putNoWait(2)
        try queue.putNoWait(3)
        try await gather(tasks)
        #expect(log == ["second 2", "first 3"])
    }

    // MARK: Cancellation

    @Test func cancellingAGetterLosesNoItem() async throws {
        let queue = Queue<Int>()
        let task = createTask { try await queue.get() }
        try await sleep(.zero)
        try queue.putNoWait(1)
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(try queue.getNoWait() == 1)
    }

    @Test func aGetterCancelledAfterItWasWokenPassesItsTurnOn() async throws {
        let queue = Queue<Int>()
        let tasks = (0..<2).map { _ in createTask { try await queue.get() } }
        try await sleep(.zero)
        try queue.putNoWait(1)
        tasks[0].cancel()
        #expect(try await tasks[1].value == 1)
        #expect(tasks[0].wasCancelled)
    }

    @Test func aPutterCancelledAfterItWasWokenPassesItsTurnOn() async throws {
        let queue = try queue([0], maxSize: 1)
        let tasks = (1...2).map { number in createTask { try await queue.put(number) } }
        try await sleep(.zero)
        #expect(try queue.getNoWait() == 0)
        tasks[0].cancel()
        try await tasks[1].value
        #expect(tasks[0].wasCancelled)
        #expect(try queue.getNoWait() == 2 && queue.isEmpty)
    }

    @Test func cancelledTasksLeaveNothingInTheLines() async throws {
        let queue = try queue([0], maxSize: 1)
        let putters = (1...3).map { number in createTask { try await queue.put(number) } }
        try await sleep(.zero)
        for task in putters { task.cancel() }
        try await settle(2)
        #expect(try queue.getNoWait() == 0)
        try queue.putNoWait(9)
        #expect(try await queue.get() == 9)
        let getters = (1...3).map { _ in createTask { try await queue.get() } }
        try await sleep(.zero)
        for task in getters.dropLast() { task.cancel() }
        try await settle(2)
        try queue.putNoWait(10)
        #expect(try await getters[2].value == 10)
    }

    @Test(.seeds(50)) func noScheduleLosesAnItem() async throws {
        let queue = Queue<Int>(maxSize: 2)
        var received: [Int] = []
        let getters = (0..<6).map { _ in
            createTask {
                while true {
                    let item = try await queue.get()
                    received.append(item)
                }
            }
        }
        let producer = createTask { for number in 0..<20 { try await queue.put(number) } }
        for task in getters.dropFirst(2) {
            try await sleep(.zero)
            task.cancel()
        }
        try await producer.value
        while !queue.isEmpty { try await sleep(.zero) }
        try await settle()
        #expect(received.sorted() == Array(0..<20))
        for task in getters { task.cancel() }
    }

    // MARK: Finishing

    @Test func joiningWaitsUntilTheWorkOnEveryItemIsDone() async throws {
        let queue = try queue([1, 2])
        let joining = createTask { try await queue.join() }
        try await sleep(.zero)
        for _ in 0..<2 {
            _ = try await queue.get()
            try await settle(2)
            #expect(!joining.isDone)
            try queue.taskDone()
        }
        try await joining.value
        #expect(try await turns { try await queue.join() } == 0)
    }

    @Test func joiningAQueueThatNeverHeldAnythingReturnsAtOnce() async throws {
        #expect(try await turns { try await Queue<Int>().join() } == 0)
    }

    @Test func moreWorkCannotBeDoneThanThereWas() throws {
        #expect(throws: ValueError.self) { try Queue<Int>().taskDone() }
        let queue = try queue([1])
        try queue.taskDone()
        #expect(throws: ValueError.self) { try queue.taskDone() }
    }

    // MARK: Shutting down

    @Test func aQueueThatWasShutDownTakesNothingAndGivesWhatItHas() async throws {
        let queue = try queue([1, 2])
        queue.shutdown()
        #expect(queue.isShutDown)
        #expect(throws: QueueShutDown.self) { try queue.putNoWait(3) }
        #expect(await thrown { try await queue.put(3) } is QueueShutDown)
        #expect(try await queue.get() == 1)
        #expect(try queue.getNoWait() == 2)
        #expect(await thrown { try await queue.get() } is QueueShutDown)
        #expect(throws: QueueShutDown.self) { try queue.getNoWait() }
    }

    @Test func getterAndPutterThatWaitAreToldOfTheShutDown() async throws {
        let empty = Queue<Int>()
        let getters = (0..<2).map { _ in createTask { try await empty.get() } }
        let full = try queue([0], maxSize: 1)
        let putters = (0..<2).map { number in createTask { try await full.put(number) } }
        try await sleep(.zero)
        empty.shutdown()
        full.shutdown()
        for task in getters { #expect(await thrown { try await task.value } is QueueShutDown) }
        for task in putters { #expect(await thrown { try await task.value } is QueueShutDown) }
        #expect(full.count == 1)
    }

    @Test func aPutterThatWaitsFailsEvenIfThereIsRoomByThen() async throws {
        let queue = try queue([0, 1], maxSize: 2)
        let putter = createTask { try await queue.put(2) }
        try await sleep(.zero)
        queue.shutdown()
        #expect(try queue.getNoWait() == 0)
        #expect(await thrown { try await putter.value } is QueueShutDown)
        #expect(try queue.getNoWait() == 1)
    }

    @Test func anImmediateShutDownDropsTheItemsAndFreesThoseWhoJoin() async throws {
        let queue = try queue([1, 2])
        let joining = createTask { try await queue.join() }
        try await sleep(.zero)
        queue.shutdown(immediate: true)
        #expect(queue.isEmpty)
        try await joining.value
        #expect(await thrown { try await queue.get() } is QueueShutDown)
        #expect(throws: ValueError.self) { try queue.taskDone() }
    }

    @Test func afterAnImmediateShutDownJoiningWaitsForWorkInHand() async throws {
        let queue = try queue([1, 2, 3])
        _ = try queue.getNoWait()
        let joining = createTask { try await queue.join() }
        try await sleep(.zero)
        queue.shutdown(immediate: true)
        try await settle(3)
        #expect(!joining.isDone)
        try queue.taskDone()
        try await joining.value
    }

    @Test func iteratingEndsAtTheShutDown() async throws {
        let queue = try queue([1, 2])
        try EventLoop.running.callLater(.seconds(1)) {
            try queue.putNoWait(3)
            queue.shutdown()
        }
        var items: [Int] = []
        for try await item in queue { items.append(item) }
        #expect(items == [1, 2, 3])
    }
}
