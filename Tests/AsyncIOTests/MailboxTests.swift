import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Glibc
import Testing

@Suite struct MailboxTests {
    @Test(.virtualTime) func itemsArriveInOrder() async throws {
        let mailbox = Mailbox<Int>()
        for item in 0..<5 { try await mailbox.put(item) }
        mailbox.shutdown()
        var received: [Int] = []
        for try await item in mailbox { received.append(item) }
        #expect(received == [0, 1, 2, 3, 4])
        #expect(mailbox.description == "Mailbox (0 items, shut down, getting: 0, putting: 0)")
    }

    @Test(.virtualTime) func aFullMailboxMakesSendersWaitInOrder() async throws {
        let mailbox = Mailbox<Int>(maxSize: 1)
        let senders = (0..<3).map { number in createTask { try await mailbox.put(number) } }
        try await sleep(.seconds(1))
        #expect(mailbox.isFull)
        #expect(mailbox.description == "Mailbox (1 of 1 items, getting: 0, putting: 2)")
        #expect(throws: QueueFull.self) { try mailbox.putNoWait(9) }
        var received: [Int] = []
        for _ in 0..<3 { received.append(try await mailbox.get()) }
        #expect(received == [0, 1, 2])
        for sender in senders { try await sender.value }
        #expect(throws: QueueEmpty.self) { try mailbox.getNoWait() }
    }

    @Test(.virtualTime) func receiversAreServedInOrder() async throws {
        let mailbox = Mailbox<Int>()
        var log: [String] = []
        let receivers = ["a", "b", "c"].map { name in
            createTask { log.append("\(name)\(try await mailbox.get())") }
        }
        try await sleep(.seconds(1))
        for item in 0..<3 { try mailbox.putNoWait(item) }
        for receiver in receivers { try await receiver.value }
        #expect(log == ["a0", "b1", "c2"])
    }

    @Test(.virtualTime) func aReceiverThatIsCancelledAfterItWasServedLosesNothing() async throws {
        let mailbox = Mailbox<Int>()
        let first = createTask { try await mailbox.get() }
        let second = createTask { try await mailbox.get() }
        try await sleep(.seconds(1))
        try mailbox.putNoWait(1)
        first.cancel()
        #expect(try await second.value == 1)
        await #expect(throws: CancellationError.self) { try await first.value }
        let third = createTask { try await mailbox.get() }
        try await sleep(.seconds(1))
        try mailbox.putNoWait(2)
        third.cancel()
        await #expect(throws: CancellationError.self) { try await third.value }
        #expect(try mailbox.getNoWait() == 2)
    }

    @Test(.virtualTime) func aSenderThatIsCancelledPassesItsPlaceOn() async throws {
        let mailbox = Mailbox<Int>(maxSize: 1)
        try mailbox.putNoWait(0)
        let first = createTask { try await mailbox.put(1) }
        let second = createTask { try await mailbox.put(2) }
        try await sleep(.seconds(1))
        #expect(try mailbox.getNoWait() == 0)
        // The first sender has been given the place.
        first.cancel()
        try await second.value
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(try mailbox.getNoWait() == 2)
        try mailbox.putNoWait(3)
        #expect(try mailbox.getNoWait() == 3)
    }

    @Test(.virtualTime) func shutdownEndsAllWaits() async throws {
        let empty = Mailbox<Int>()
        let getter = createTask { try await empty.get() }
        let full = Mailbox<Int>(maxSize: 1)
        try full.putNoWait(0)
        let putter = createTask { try await full.put(1) }
        try await sleep(.seconds(1))
        empty.shutdown()
        full.shutdown()
        await #expect(throws: QueueShutDown.self) { try await getter.value }
        await #expect(throws: QueueShutDown.self) { try await putter.value }
        #expect(throws: QueueShutDown.self) { try full.putNoWait(2) }
        #expect(try full.getNoWait() == 0)
        #expect(throws: QueueShutDown.self) { try full.getNoWait() }
        let dropping = Mailbox<Int>()
        try dropping.putNoWait(0)
        dropping.shutdown(immediate: true)
        #expect(dropping.isEmpty)
    }

    @Test(.virtualTime) func timeoutsAndPlainTasksWork() async throws {
        let mailbox = Mailbox<Int>()
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(1)) { try await mailbox.get() }
        }
        let plain = Task { try await mailbox.get() }
        try await sleep(.seconds(1))
        plain.cancel()
        await #expect(throws: CancellationError.self) { try await plain.value }
        #expect(mailbox.description == "Mailbox (0 items, getting: 0, putting: 0)")
    }

    @Test(.virtualTime) func sendersContinueTogetherWhenHalfIsEmpty() async throws {
        let mailbox = Mailbox<Int>(maxSize: 8)
        for item in 0..<8 { try mailbox.putNoWait(item) }
        let senders = (8..<11).map { item in createTask { try await mailbox.put(item) } }
        try await sleep(.seconds(1))
        for item in 0..<3 { #expect(try mailbox.getNoWait() == item) }
        #expect(mailbox.description == "Mailbox (5 of 8 items, getting: 0, putting: 3)")
        // No task overtakes those that wait.
        #expect(throws: QueueFull.self) { try mailbox.putNoWait(99) }
        #expect(try mailbox.getNoWait() == 3)
        #expect(mailbox.description == "Mailbox (4 of 8 items, getting: 0, putting: 0)")
        for sender in senders { try await sender.value }
        for item in 4..<11 { #expect(try mailbox.getNoWait() == item) }
    }

    @Test(.virtualTime) func aSenderContinuesWhenTheReceiverSuspends() async throws {
        let mailbox = Mailbox<Int>(maxSize: 8)
        let answers = Mailbox<Int>()
        for item in 0..<8 { try mailbox.putNoWait(item) }
        let sender = createTask {
            try await mailbox.put(8)
            try answers.putNoWait(8)
        }
        try await sleep(.seconds(1))
        #expect(try await mailbox.get() == 0)
        #expect(try await answers.get() == 8)
        try await sender.value
        #expect(mailbox.isFull)
    }

    @Test(.virtualTime) func aReceiverThatTakesTheLastItemLetsAllSendersContinue() async throws {
        let mailbox = Mailbox<Int>(maxSize: 2)
        for item in 0..<2 { try mailbox.putNoWait(item) }
        let senders = (2..<6).map { item in createTask { try await mailbox.put(item) } }
        try await sleep(.seconds(1))
        for item in 0..<6 { #expect(try await mailbox.get() == item) }
        for sender in senders { try await sender.value }
    }

    @Test(.virtualTime) func anItemOnItsWayToAReceiverTakesNoPlace() async throws {
        let mailbox = Mailbox<Int>(maxSize: 1)
        let receiver = createTask { try await mailbox.get() }
        try await sleep(.seconds(1))
        try mailbox.putNoWait(1)
        #expect(mailbox.isEmpty)
        try mailbox.putNoWait(2)
        #expect(mailbox.isFull)
        // An immediate shutdown drops what no task has received.
        mailbox.shutdown(immediate: true)
        #expect(try await receiver.value == 1)
        #expect(throws: QueueShutDown.self) { try mailbox.getNoWait() }
    }

    @Test(.eventLoop) func aSenderContinuesIfTheLoopOfTheReceiverEnds() async throws {
        let mailbox = Mailbox<Int>(maxSize: 8)
        for item in 0..<8 { try mailbox.putNoWait(item) }
        let sender = createTask { try await toThread { try mailbox.putBlocking(8) } }
        try await eventually { mailbox.description.contains("putting: 1") }
        let io = try EventLoopThread(name: "io")
        let first = try await io.run { io in
            let item = try mailbox.getNoWait()
            io.loop.stop()
            return item
        }
        #expect(first == 0)
        try await sender.value
        #expect(mailbox.count == 8)
        try? await io.shutDown()
    }

    @Test func aSenderContinuesAlthoughTheLoopOfTheReceiverIsStopping() throws {
        try withLoop { loop in
            let mailbox = Mailbox<Int>(maxSize: 8)
            let answers = Mailbox<Int>()
            for item in 0..<8 { try mailbox.putNoWait(item) }
            onForeignThread {
                try? mailbox.putBlocking(8)
                try? answers.putNoWait(8)
            }
            while !mailbox.description.contains("putting: 1") { sched_yield() }
            try loop.callSoon {
                loop.stop()
                #expect((try? mailbox.getNoWait()) == 0)
            }
            try loop.runForever()
            #expect(try answers.getBlocking(timeout: .seconds(60)) == 8)
        }
    }

    @Test func aSenderContinuesIfTheReceiverStopsItsLoopInTheSameStep() throws {
        try withLoop { loop in
            let mailbox = Mailbox<Int>(maxSize: 8)
            let answers = Mailbox<Int>()
            for item in 0..<8 { try mailbox.putNoWait(item) }
            onForeignThread {
                try? mailbox.putBlocking(8)
                try? answers.putNoWait(8)
            }
            while !mailbox.description.contains("putting: 1") { sched_yield() }
            try loop.callSoon {
                #expect((try? mailbox.getNoWait()) == 0)
                loop.stop()
            }
            try loop.runForever()
            // The loop has ended and is not closed.
            #expect(try answers.getBlocking(timeout: .seconds(60)) == 8)
        }
    }

    @Test func whatATaskOfAClosedLoopWasServedWithGoesToOthers() throws {
        let empty = Mailbox<Int>()
        let full = Mailbox<Int>(maxSize: 1)
        try full.putNoWait(0)
        let answers = Mailbox<Int>()
        try withLoop { loop in
            loop.setExceptionHandler { _ in }
            try loop.runUntilComplete {
                for _ in 0..<2 { createTask { try await empty.get() } }
                for item in 1...2 { createTask { try await full.put(item) } }
                try await sleep(.zero)
            }
            #expect(empty.description == "Mailbox (0 items, getting: 2, putting: 0)")
            onForeignThread {
                try? full.putBlocking(3)
                try? answers.putNoWait(3)
            }
            while !full.description.contains("putting: 3") { sched_yield() }
            // Both first tasks are woken, but the loop does not run again.
            try empty.putNoWait(5)
            #expect(try full.getNoWait() == 0)
            #expect(empty.description == "Mailbox (0 items, getting: 1, putting: 0)")
            #expect(full.description == "Mailbox (0 of 1 items, getting: 0, putting: 2)")
        }
        #expect(try empty.getNoWait() == 5)
        let end = ContinuousClock.now + .seconds(60)
        while answers.isEmpty, ContinuousClock.now < end { sched_yield() }
        #expect(try answers.getNoWait() == 3)
        #expect(try full.getNoWait() == 3)
        #expect(empty.description == "Mailbox (0 items, getting: 0, putting: 0)")
        #expect(full.description == "Mailbox (0 of 1 items, getting: 0, putting: 0)")
    }

    @Test func theReceiversOfAClosedLoopPassAnItemOnHoweverManyThereAre() throws {
        let mailbox = Mailbox<Int>()
        try withLoop { loop in
            loop.setExceptionHandler { _ in }
            try loop.runUntilComplete {
                for _ in 0..<20_000 { createTask { try await mailbox.get() } }
                while !mailbox.description.contains("getting: 20000") { try await sleep(.zero) }
            }
        }
        try mailbox.putNoWait(5)
        #expect(mailbox.description == "Mailbox (1 item, getting: 0, putting: 0)")
        #expect(try mailbox.getNoWait() == 5)
    }

    @Test func wrongSizesAreErrorsOrStopTheProgram() async throws {
        #expect(throws: ValueError.self) { try Mailbox<Int>(validatingMaxSize: 0) }
        await #expect(processExitsWith: .failure) { _ = Mailbox<Int>(maxSize: 0) }
    }

    @Test func aThreadThatRunsALoopDoesNotBlock() throws {
        let mailbox = Mailbox<Int>()
        #expect(throws: RuntimeError.self) { try mailbox.getBlocking() }
        #expect(throws: RuntimeError.self) { try mailbox.putBlocking(1) }
    }

    @Test(.eventLoop) func threadsAndLoopsExchangeItemsInTheOrderOfEachSender() async throws {
        let (senders, each) = (5, 2_000)
        let mailbox = Mailbox<(sender: Int, number: Int)>(maxSize: 16)
        // Four threads and this loop send; another loop receives, and sends the totals to a thread.
        for sender in 1..<senders {
            onForeignThread {
                for number in 0..<each { try? mailbox.putBlocking((sender, number)) }
            }
        }
        let io = try EventLoopThread(name: "io")
        let totals = Mailbox<Int>()
        let receiver = createTask {
            try await io.run { _ in
                var next = Array(repeating: 0, count: senders)
                var isInOrder = true
                for _ in 0..<senders * each {
                    let item = try await mailbox.get()
                    if item.number != next[item.sender] { isInOrder = false }
                    next[item.sender] = item.number + 1
                }
                for total in next { try await totals.put(total) }
                totals.shutdown()
                return isInOrder
            }
        }
        for number in 0..<each { try await mailbox.put((0, number)) }
        let received = try await toThread {
            var received: [Int] = []
            while let total = try? totals.getBlocking() { received.append(total) }
            return received
        }
        #expect(received == Array(repeating: each, count: senders))
        #expect(try await receiver.value)
        #expect(mailbox.isEmpty)
        try await io.shutDown()
    }

    @Test(.eventLoop) func aThreadsWaitCanTimeOut() async throws {
        let mailbox = Mailbox<Int>(maxSize: 1)
        let outcome = try await toThread {
            var errors: [String] = []
            do { _ = try mailbox.getBlocking(timeout: .milliseconds(1)) } catch { errors.append("\(type(of: error))") }
            try mailbox.putBlocking(1)
            do { try mailbox.putBlocking(2, timeout: .milliseconds(1)) } catch { errors.append("\(type(of: error))") }
            errors.append("\(try mailbox.getBlocking())")
            return errors
        }
        #expect(outcome == ["TimeoutError", "TimeoutError", "1"])
        #expect(mailbox.description == "Mailbox (0 of 1 items, getting: 0, putting: 0)")
    }

    @Test(.eventLoop) func aClosedLoopsWaiterLosesNothing() async throws {
        let mailbox = Mailbox<Int>()
        let io = try EventLoopThread(name: "io")
        io.submit { _ in
            // Ignores its cancellation.
            while true { _ = try? await shield(createTask { try await mailbox.get() }) }
        }
        while !mailbox.description.contains("getting: 1") { try await sleep(.milliseconds(1)) }
        await #expect(throws: TimeoutError.self) { try await io.shutDown(within: .milliseconds(1)) }
        try mailbox.putNoWait(5)
        #expect(try await mailbox.get() == 5)
    }
}
