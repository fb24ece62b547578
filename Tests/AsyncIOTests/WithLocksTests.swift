import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct WithLocksTests {
    @Test func allLocksAreHeldInTheBodyAndFreeAfterIt() async throws {
        let (a, b) = (Lock(), Lock())
        let value = try await withLocks(a, b) {
            #expect(a.isLocked && b.isLocked)
            return 42
        }
        #expect(value == 42)
        #expect(!a.isLocked && !b.isLocked)
    }

    @Test(.seeds(50)) func theOrderOfTheArgumentsCannotDeadlock() async throws {
        let (a, b, c) = (Lock(), Lock(), Lock())
        var inside = 0
        let orders = [[a, b, c], [c, b, a], [b, a, c], [c, a, b]]
        try await gather(orders) { order in
            for _ in 0..<3 {
                try await withLocks(order[0], order[1], order[2]) {
                    inside += 1
                    #expect(inside == 1)
                    try await sleep(.zero)
                    inside -= 1
                }
            }
        }
        #expect(!a.isLocked && !b.isLocked && !c.isLocked)
    }

    @Test func aCancelledWaitLeavesNoLockBehind() async throws {
        let (a, b) = (Lock(), Lock())
        // The rank of the locks is that of their first use.
        try await withLocks(a, b) {}
        try await b.acquire()
        let task = createTask { try await withLocks(b, a) { Issue.record("the body ran") } }
        try await sleep(.seconds(1))
        #expect(a.isLocked)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!a.isLocked)
        try b.release()
    }

    @Test func anErrorOfTheBodyReleasesAll() async throws {
        let (a, b) = (Lock(), Lock())
        await #expect(throws: Boom.self) { try await withLocks(a, b) { throw Boom() } }
        #expect(!a.isLocked && !b.isLocked)
    }

    @Test func aBodyThatReleasesALockIsAMistakeAndTheOthersAreReleased() async throws {
        let (a, b) = (Lock(), Lock())
        await #expect(throws: RuntimeError.self) { try await withLocks(a, b) { try a.release() } }
        #expect(!b.isLocked)
    }

    @Test func theSameLockTwiceIsAMistake() async throws {
        let (a, b) = (Lock(), Lock())
        await #expect(throws: ValueError.self) { try await withLocks(a, b, a) {} }
        #expect(!a.isLocked && !b.isLocked)
    }
}
