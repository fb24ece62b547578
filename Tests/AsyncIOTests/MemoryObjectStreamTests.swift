import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct MemoryObjectStreamTests {
    @Test func elementsArriveInOrderAndTheEndAfterTheLastSender() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 3)
        let other = try sender.clone()
        let received = createTask {
            var all: [Int] = []
            for try await element in receiver { all.append(element) }
            return all
        }
        for number in 0..<5 { try await sender.send(number) }
        sender.close()
        try await sleep(.seconds(1))
        #expect(!received.isDone)
        try await other.send(5)
        other.close()
        #expect(try await received.value == [0, 1, 2, 3, 4, 5])
    }

    @Test func withoutRoomASenderWaitsForAReceiver() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        #expect(throws: QueueFull.self) { try sender.sendNoWait(0) }
        let sending = createTask { try await sender.send(1) }
        try await sleep(.seconds(1))
        #expect(!sending.isDone)
        #expect(try receiver.receiveNoWait() == nil)
        #expect(try await receiver.receive() == 1)
        try await sending.value
        let receiving = createTask { try await receiver.receive() }
        try await sleep(.seconds(1))
        try sender.sendNoWait(2)
        #expect(throws: QueueFull.self) { try sender.sendNoWait(3) }
        #expect(try await receiving.value == 2)
    }

    @Test func sendingFailsWhenAllReceiversAreClosed() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let other = try receiver.clone()
        let sending = createTask { try await sender.send(1) }
        try await sleep(.seconds(1))
        receiver.close()
        try await settle()
        #expect(!sending.isDone)
        other.close()
        await #expect(throws: BrokenStreamError.self) { try await sending.value }
        #expect(throws: BrokenStreamError.self) { try sender.sendNoWait(1) }
    }

    @Test func anEndThatIsClosedCannotBeUsed() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        sender.close()
        sender.close()
        receiver.close()
        #expect(sender.isClosed && receiver.isClosed)
        await #expect(throws: RuntimeError.self) { try await sender.send(1) }
        #expect(throws: RuntimeError.self) { try sender.clone() }
        await #expect(throws: RuntimeError.self) { try await receiver.receive() }
        #expect(throws: RuntimeError.self) { try receiver.clone() }
    }

    @Test func anEndThatIsReleasedIsClosed() async throws {
        var ends: (sender: ObjectSender<Int>, receiver: ObjectReceiver<Int>)? = memoryObjectStream(capacity: 1)
        let receiver = try #require(ends?.receiver)
        try ends?.sender.sendNoWait(1)
        ends = nil
        #expect(try await receiver.receive() == 1)
        #expect(try await receiver.receive() == nil)
    }

    @Test func aCancelledReceiverLosesNothing() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let waiting = (0..<2).map { _ in createTask { try await receiver.receive() } }
        try await sleep(.seconds(1))
        try sender.sendNoWait(1)
        waiting[0].cancel()
        await #expect(throws: CancellationError.self) { try await waiting[0].value }
        #expect(try await waiting[1].value == 1)
    }

    @Test func aCancelledSenderSendsNothing() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let sending = (1...2).map { number in createTask { try await sender.send(number) } }
        try await sleep(.seconds(1))
        sending[0].cancel()
        await #expect(throws: CancellationError.self) { try await sending[0].value }
        #expect(try await receiver.receive() == 2)
        try await sending[1].value
    }

    @Test(.seeds(50), arguments: [0, 1, 3]) func noScheduleLosesAnElement(_ capacity: Int) async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: capacity)
        var received: [Int] = []
        let receivers = (0..<3).map { _ in
            createTask { for try await element in receiver { received.append(element) } }
        }
        let cancelled = createTask { while let element = try await receiver.receive() { received.append(element) } }
        try await gather(0..<3) { number in
            let sender = try sender.clone()
            for step in 0..<5 { try await sender.send(10 * number + step) }
            sender.close()
            cancelled.cancel()
        }
        sender.close()
        try await gather(receivers)
        _ = try? await cancelled.value
        #expect(received.sorted() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24])
    }

    @Test func aTaskThatSendsAndReceivesInOneStepOvertakesNoSender() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 1)
        try await sender.send(0)
        let waiting = (1...3).map { number in createTask { try await sender.send(number) } }
        try await sleep(.seconds(1))
        var received: [Int] = []
        for _ in 0..<3 {
            received.append(try await receiver.receive() ?? -1)
            // There is room, but it is for those that wait.
            #expect(throws: QueueFull.self) { try sender.sendNoWait(9) }
            try await sleep(.seconds(1))
        }
        try await gather(waiting)
        #expect(received == [0, 1, 2])
        #expect(try await receiver.receive() == 3)
    }

    @Test func aTaskThatReceivesWhatItSendsOvertakesNoReceiver() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 5)
        let waiting = createTask { try await receiver.receive() }
        try await sleep(.seconds(1))
        try await sender.send(1)
        #expect(try receiver.receiveNoWait() == nil)
        try await sender.send(2)
        // This one is the second in line.
        #expect(try await receiver.receive() == 2)
        #expect(try await waiting.value == 1)
    }

    @Test func theEndReachesAllThatWaitBehindTheLastElement() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 5)
        let first = createTask { try await receiver.receive() }
        try await sleep(.seconds(1))
        try await sender.send(1)
        sender.close()
        let others = (0..<3).map { _ in createTask { try await receiver.receive() } }
        let selecting = createTask { try await select(.receive(from: receiver) { $0 ?? -1 }) }
        #expect(try await first.value == 1)
        #expect(try await gather(others) == [nil, nil, nil])
        #expect(try await selecting.value == -1)
    }

    @Test(.seeds(100)) func noScheduleLosesAnElementOrTheEnd() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 2)
        var received: [Int] = []
        let sending = try (0..<4).map { index in
            let sender = try sender.clone()
            return createTask {
                defer { sender.close() }
                var sent: [Int] = []
                do {
                    for number in 0..<10 {
                        try await sender.send(index * 100 + number)
                        sent.append(index * 100 + number)
                        if number.isMultiple(of: 3) { try await sleep(.zero) }
                    }
                } catch is CancellationError {}
                return sent
            }
        }
        sender.close()
        let receiving = (0..<2).map { _ in createTask { for try await number in receiver { received.append(number) } } }
        let selecting = (0..<2).map { _ in
            createTask {
                while let number = try await select(
                    .receive(from: receiver) { $0 }, .after(.milliseconds(1)) { Int?.some(-1) })
                { if number >= 0 { received.append(number) } }
            }
        }
        try await sleep(.zero)
        receiving[0].cancel()
        sending[0].cancel()
        selecting[0].cancel()
        // The one that was cancelled may not even have begun.
        let sent = try await gatherResults(sending).map { (try? $0.get()) ?? [] }
        try await gather(receiving[1], selecting[1])
        #expect(received.sorted() == sent.flatMap(\.self).sorted())
        for one in 1..<4 {
            let order = received.filter { $0 / 100 == one }
            #expect(sent[one].count == 10 && Set(order) == Set(sent[one]))
        }
        _ = try await gatherResults(receiving + selecting)
    }

    @Test func closingASenderEndsItsOwnWaits() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 1)
        let other = try sender.clone()
        try sender.sendNoWait(1)
        let sending = createTask { try await sender.send(2) }
        let continuing = createTask { try await other.send(3) }
        try await sleep(.seconds(1))
        sender.close()
        await #expect(throws: RuntimeError.self) { try await sending.value }
        #expect(try await receiver.receive() == 1)
        try await continuing.value
        other.close()
        #expect(try await receiver.receive() == 3)
        #expect(try await receiver.receive() == nil)
    }

    @Test func closingAReceiverEndsItsOwnWaits() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let other = try receiver.clone()
        let receiving = createTask { try await receiver.receive() }
        let selecting = createTask { try await select(.receive(from: receiver) { $0 }) }
        let continuing = createTask { try await other.receive() }
        try await sleep(.seconds(1))
        receiver.close()
        await #expect(throws: RuntimeError.self) { try await receiving.value }
        await #expect(throws: RuntimeError.self) { try await selecting.value }
        try await sender.send(1)
        #expect(try await continuing.value == 1)
        // The last one as well.
        let last = createTask { try await other.receive() }
        try await sleep(.seconds(1))
        other.close()
        await #expect(throws: RuntimeError.self) { try await last.value }
        await #expect(throws: BrokenStreamError.self) { try await sender.send(2) }
    }

    @Test(.seeds(100), arguments: [0, 1]) func anEndThatIsClosedInAnyTurnLosesNothing(capacity: Int) async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: capacity)
        let senders = try (0..<4).map { _ in try sender.clone() }
        let receivers = try (0..<3).map { _ in try receiver.clone() }
        sender.close()
        receiver.close()
        var (sent, received): ([Int], [Int]) = ([], [])
        let sending = senders.enumerated().map { index, sender in
            createTask {
                for number in 0..<5 {
                    try await sender.send(10 * index + number)
                    sent.append(10 * index + number)
                }
                sender.close()
            }
        }
        let receiving = receivers.map { receiver in
            createTask { while let number = try await receiver.receive() { received.append(number) } }
        }
        for _ in 0..<Int.random(in: 0...3) { try await sleep(.zero) }
        senders[0].close()
        for _ in 0..<Int.random(in: 0...3) { try await sleep(.zero) }
        receivers[0].close()
        for task in sending.dropFirst() { try await task.value }
        for task in receiving.dropFirst() { try await task.value }
        for task in [sending[0], receiving[0]] {
            if let error = await thrown(by: { try await task.value }) { #expect(error is RuntimeError) }
        }
        #expect(received.sorted() == sent.sorted())
        #expect(sent.filter { $0 >= 10 }.count == 15)
    }

    @Test(arguments: [false, true]) func aSenderThatGivesUpInItsTurnPassesItOn(closes: Bool) async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let other = try sender.clone()
        let sending = [createTask { try await sender.send(1) }, createTask { try await other.send(2) }]
        try await sleep(.seconds(1))
        let receiving = createTask { try await receiver.receive() }
        // The receiver has woken the first sender, which has not run yet.
        try await sleep(.zero)
        if closes { sender.close() } else { sending[0].cancel() }
        #expect(try await receiving.value == 2)
        try await sending[1].value
        let error = await thrown { try await sending[0].value }
        #expect(closes ? error is RuntimeError : error is CancellationError)
    }

    @Test(arguments: [false, true]) func aReceiverThatGivesUpInItsTurnPassesItOn(closes: Bool) async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        let other = try receiver.clone()
        let receiving = [createTask { try await receiver.receive() }, createTask { try await other.receive() }]
        try await sleep(.seconds(1))
        try sender.sendNoWait(1)
        if closes { receiver.close() } else { receiving[0].cancel() }
        #expect(try await receiving[1].value == 1)
        let error = await thrown { try await receiving[0].value }
        #expect(closes ? error is RuntimeError : error is CancellationError)
    }
}
