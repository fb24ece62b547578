// The code of Sources/AsyncIOTesting/AsyncIOTesting.docc that needs Dispatch.

import AsyncIO
import AsyncIOTesting
import Dispatch
import Testing

@Test(.virtualTime(threads: .virtual)) func aTimerOfDispatchFollows() async throws {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + 3600) { continuation.resume() }
    }
    #expect(try VirtualClock.current.elapsed == .seconds(3600))
}
