// A list of closures cannot be gathered directly, because Swift converts the closures of an array
// only at run time, where the conversion fails. Use `gather(bodies) { body in try await body() }`.
// error: gather takes items and one closure for them all: gather(closures) { try await $0() }

import AsyncIO

@MainActor func use(_ bodies: [@concurrent () async throws -> Int]) async throws {
    try await gather(bodies)
}
