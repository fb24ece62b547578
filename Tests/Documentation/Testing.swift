// The code of Sources/AsyncIOTesting/AsyncIOTesting.docc/AsyncIOTesting.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Test(.virtualTime) func anHourPasses() async throws {
    try await sleep(.seconds(3600)) // and Task.sleep, and any library's code
}

@Test(.seeds(100)) func noValueIsLost() async throws {
    // runs under 100 random schedules; the seed that fails is named, ASYNCIO_SEED repeats it
}
