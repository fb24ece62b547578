// A lock belongs to the isolation that created it.
// error: sending value of non-Sendable type '@concurrent () async throws -> ()' risks causing data races

import AsyncIO

@MainActor func use() async throws {
    let lock = Lock()
    Task.detached { try await lock.acquire() }
    try await lock.acquire()
}
