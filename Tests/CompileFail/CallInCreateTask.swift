// A call would run the function before there is a task.
// error: createTask takes a closure: createTask { try await fetch(1) }

import AsyncIO

@MainActor func fetch(_ number: Int) async throws -> Int { number }

@MainActor func use() async throws {
    createTask(fetch(1))
}
