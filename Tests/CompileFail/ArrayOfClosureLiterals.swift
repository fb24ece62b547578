// A list of closures cannot be gathered directly.
// error: gather takes items and one closure for them all: gather(closures) { try await $0() }

import AsyncIO

@MainActor func use() async throws {
    _ = try await gather([{ 1 }, { 2 }])
}
