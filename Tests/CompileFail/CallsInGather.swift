// A call would run the function before `gather` is called. Pass closures to run functions
// concurrently.
// error: gather takes closures, tasks, or futures: gather({ try await fetch(1) }, { try await fetch(2) })

import AsyncIO

@MainActor func fetch(_ number: Int) async throws -> Int { number }

@MainActor func use() async throws {
    _ = try await gather(fetch(1), fetch(2))
}
