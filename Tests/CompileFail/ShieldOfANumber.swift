// What cannot be awaited can be neither shielded, nor gathered, nor waited for.
// error: global function 'shield' requires that 'Int' conform to 'Awaitable'

import AsyncIO

@MainActor func use() async throws {
    _ = try await shield(1)
}
