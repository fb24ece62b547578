import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct BroadcastTests {
    /// Starts a task that takes elements until the end, and works for a while after each.
    private func collect<T>(
        _ subscription: Broadcast<T>.Subscription, working: Duration = .zero
    ) -> AsyncTask<[T]> {
        createTask {
            var elements: [T] = []
            for try await element in subscription {
                elements.append(element)
                if working > .zero { try await sleep(working) }
            }
            return elements
        }
    }

    @Test func everySubscriptionGetsEverythingFromItsBeginning() async throws {
        let channel = Broadcast<Int>(capacity: 10)
        try await channel.send(0)
        let first = collect(channel.subscribe())
        try await channel.send(1)
        try await sleep(.seconds(1))
        let second = collect(channel.subscribe())
        #expect(channel.subscriberCount == 2)
        try await channel.send(2)
        try await channel.send(3)
        channel.close()
        #expect(try await first.value == [1, 2, 3])
        #expect(try await second.value == [2, 3])
        #expect(channel.subscriberCount == 0)
        await #expect(throws: QueueShutDown.self) { try await channel.send(4) }
    }

    @Test func aSlowSubscriptionMissesTheOldest() async throws {
        let channel = Broadcast<Int>(capacity: 2)
        let subscription = channel.subscribe()
        for number in 1...5 { try channel.sendNoWait(number) }
        #expect(subscription.count == 2)
        #expect(try await subscription.next() == 4)
        #expect(subscription.missedCount == 3)
        #expect(try await subscription.next() == 5)
        #expect(try subscription.nextNoWait() == nil)
    }

    @Test func aSlowSubscriptionCanFailAndContinue() async throws {
        let channel = Broadcast<Int>(capacity: 2, lag: .fail)
        let subscription = channel.subscribe()
        for number in 1...5 { try channel.sendNoWait(number) }
        let error = await #expect(throws: BroadcastLagError.self) { try await subscription.next() }
        #expect(error?.missedCount == 3)
        #expect(try await subscription.next() == 4)
        #expect(try await subscription.next() == 5)
    }

    @Test func aSlowSubscriptionCanHoldUpTheSender() async throws {
        let channel = Broadcast<Int>(capacity: 2, lag: .wait)
        let fast = collect(channel.subscribe())
        let slow = collect(channel.subscribe(), working: .seconds(1))
        let duration = try await time { for number in 1...5 { try await channel.send(number) } }
        #expect(duration == .seconds(2))
        channel.close()
        #expect(try await slow.value == [1, 2, 3, 4, 5])
        #expect(try await fast.value == [1, 2, 3, 4, 5])
    }

    @Test func aSenderThatMustNotWaitGetsAnError() async throws {
        let channel = Broadcast<Int>(capacity: 1, lag: .wait)
        try channel.sendNoWait(1)
        let subscription = channel.subscribe()
        try channel.sendNoWait(2)
        #expect(throws: QueueFull.self) { try channel.sendNoWait(3) }
        #expect(try await subscription.next() == 2)
        try channel.sendNoWait(3)
    }

    @Test func aSubscriptionThatIsReleasedHoldsUpNobody() async throws {
        let channel = Broadcast<Int>(capacity: 1, lag: .wait)
        var idle: Broadcast<Int>.Subscription? = channel.subscribe()
        let other = collect(channel.subscribe())
        try await channel.send(1)
        let sending = createTask { try await channel.send(2) }
        try await sleep(.seconds(1))
        #expect(!sending.isDone)
        #expect(idle?.count == 1)
        idle = nil
        try await sending.value
        channel.close()
        #expect(try await other.value == [1, 2])
    }

    @Test func closingEndsWaitingSendersAndReceivers() async throws {
        let channel = Broadcast<Int>(capacity: 1, lag: .wait)
        let subscription = channel.subscribe()
        try await channel.send(1)
        let sending = createTask { try await channel.send(2) }
        try await sleep(.seconds(1))
        channel.close()
        await #expect(throws: QueueShutDown.self) { try await sending.value }
        #expect(try await subscription.next() == 1)
        #expect(try await subscription.next() == nil)
    }

    @Test func cancelledWaitsLoseNothing() async throws {
        let channel = Broadcast<Int>(capacity: 1, lag: .wait)
        let subscription = channel.subscribe()
        let receiving = createTask { try await subscription.next() }
        try await sleep(.seconds(1))
        try channel.sendNoWait(1)
        receiving.cancel()
        await #expect(throws: CancellationError.self) { try await receiving.value }
        let sending = (2...3).map { number in createTask { try await channel.send(number) } }
        try await sleep(.seconds(1))
        #expect(try await subscription.next() == 1)
        // The first sender was woken, and passes its turn on.
        sending[0].cancel()
        await #expect(throws: CancellationError.self) { try await sending[0].value }
        #expect(try await subscription.next() == 3)
        try await sending[1].value
    }

    @Test(.seeds(50)) func noScheduleLosesOrReordersAnElement() async throws {
        let channel = Broadcast<Int>(capacity: 2, lag: .wait)
        let receivers = (0..<3).map { _ in collect(channel.subscribe()) }
        for number in 0..<20 { try await channel.send(number) }
        channel.close()
        for receiver in receivers { #expect(try await receiver.value == Array(0..<20)) }
    }

    @Test(.seeds(50)) func whatIsMissedIsCounted() async throws {
        let channel = Broadcast<Int>(capacity: 3)
        let subscription = channel.subscribe()
        let receiver = createTask {
            var count = 0
            for try await _ in subscription {
                count += 1
                try await sleep(.zero)
            }
            return count
        }
        for number in 0..<50 {
            try await channel.send(number)
            if number % 3 == 0 { try await sleep(.zero) }
        }
        channel.close()
        #expect(try await receiver.value + subscription.missedCount == 50)
    }

    @Test func aCapacityBelowOneIsAMistake() {
        #expect(throws: ValueError.self) { try Broadcast<Int>(validatingCapacity: 0) }
    }

    @Test func aSenderThatIsAboutToContinueIsNotOvertaken() async throws {
        let channel = Broadcast<Int>(capacity: 1, lag: .wait)
        let subscription = channel.subscribe()
        try await channel.send(0)
        let waiting = (1...2).map { number in createTask { try await channel.send(number) } }
        try await sleep(.seconds(1))
        #expect(try subscription.nextNoWait() == 0)
        #expect(throws: QueueFull.self) { try channel.sendNoWait(9) }
        let late = createTask { try await channel.send(3) }
        for number in 1...3 { #expect(try await subscription.next() == number) }
        try await gather(waiting + [late])
    }
}
