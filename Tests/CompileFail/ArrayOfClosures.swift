// A list of closures is not gathered as it is: Swift converts the closures of an array at run
// time only, where it fails. `gather(bodies) { body in try await body() }` is the way.
// error: gather takes items and one closure for them all: gather(closures) { try await $0() }

import AsyncIO

@MainActor func use(_ bodies: [@concurrent () async throws -> Int]) async throws {
    try await gather(bodies)
}
