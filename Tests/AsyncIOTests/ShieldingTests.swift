import AsyncIOTesting
import Testing

@testable import AsyncIO

@Suite(.virtualTime)
struct ShieldingTests {
    @Test
    func aShieldedWaitEndsOnlyWhenItsConditionIsTrueAndGivesTheLatestRequest() async throws {
        let end = Event()
        var requests: [String?] = []
        let task = createTask {
            let held = await shielded { _ in
                try await end.wait()
            } onCancel: { held in
                requests.append(held.message)
            }
            // Another cancellation is seen in between.
            let other = createTask { try await sleep(.seconds(1)) }
            other.cancel("other")
            _ = try? await other.value
            throw try #require(held).delivered()
        }
        try await sleep(.zero)
        task.cancel("first")
        try await sleep(.zero)
        task.cancel("second")
        try await sleep(.seconds(1))
        #expect(!task.isDone)
        end.set()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(requests == ["first", "second"])
        #expect(task.cancelMessage == "second")
    }

    @Test
    func aShieldedWaitThatIsNotCancelledHoldsNothing() async throws {
        let held = await shielded { _ in try await sleep(.seconds(1)) }
        #expect(held == nil)
    }

    @Test
    func aPlainSwiftTaskThatIsCancelledWaitsToTheEndToo() async throws {
        let end = Event()
        var wasHeld: Bool?
        let task = Task {
            let held = await shielded { ignoresNativeCancellation in
                while !end.isSet {
                    let waiter = Waiter(for: "a test")
                    let loop = try EventLoop.running
                    loop.schedule(.complete(waiter), at: loop.time.advanced(by: .seconds(1)))
                    try await waiter.wait(ignoresNativeCancellation: ignoresNativeCancellation)
                }
            }
            wasHeld = held != nil
        }
        try await sleep(.zero)
        task.cancel()
        try await sleep(.seconds(5))
        #expect(wasHeld == nil)
        end.set()
        await task.value
        #expect(wasHeld == true)
    }
}
