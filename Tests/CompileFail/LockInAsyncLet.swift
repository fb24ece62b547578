// A child task made with `async let` runs concurrently with its creator.
// error: sending 'lock' risks causing data races

import AsyncIO

@MainActor func use() async throws {
    let lock = Lock()
    async let locking: Void = lock.acquire()
    try await lock.acquire()
    try await locking
}
