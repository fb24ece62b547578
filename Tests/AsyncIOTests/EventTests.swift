import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct EventTests {
    @Test func waitingForARaisedFlagDoesNotSuspend() async throws {
        let event = Event()
        #expect(!event.isSet)
        event.set()
        #expect(event.isSet)
        #expect(try await turns { try await event.wait() } == 0)
    }

    @Test func raisingTheFlagWakesEverybodyInTheNextTurnInOrder() async throws {
        let event = Event()
        let loop = try EventLoop.running
        var log: [Int] = []
        let tasks = (0..<3).map { number in
            createTask {
                try await event.wait()
                log.append(number)
                return loop.turns
            }
        }
        try await sleep(.zero)
        let start = loop.turns
        event.set()
        event.set()
        #expect(try await gather(tasks).map { $0 - start } == [1, 1, 1])
        #expect(log == [0, 1, 2])
    }

    @Test func aFlagThatIsLoweredAtOnceWakesThoseWhoWaitedAndNobodyElse() async throws {
        let event = Event()
        let waiting = createTask { try await event.wait() }
        try await sleep(.zero)
        event.set()
        event.clear()
        let late = createTask { try await event.wait() }
        try await settle(3)
        #expect(waiting.isDone && !late.isDone)
        event.set()
        try await late.value
    }

    @Test func aCancelledWaiterJustLeaves() async throws {
        let event = Event()
        let tasks = (0..<3).map { _ in createTask { try await event.wait() } }
        try await sleep(.zero)
        tasks[1].cancel()
        try await sleep(.zero)
        event.set()
        try await settle(2)
        #expect(tasks.map(\.isDone) == [true, true, true])
        #expect(tasks.map(\.wasCancelled) == [false, true, false])
    }

    @Test func aWaiterCancelledInTheTurnOfTheFlagIsCancelled() async throws {
        let event = Event()
        let task = createTask { try await event.wait() }
        try await sleep(.zero)
        event.set()
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
    }
}
