// A value that cannot be awaited cannot be shielded, gathered, or waited for.
// error: global function 'shield' requires that 'Int' conform to 'Awaitable'

import AsyncIO

@MainActor func use() async throws {
    _ = try await shield(1)
}
