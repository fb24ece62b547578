// A task belongs to its loop's thread.
// error: capture of 'task' with non-Sendable type 'AsyncTask<Int>' in a '@Sendable' closure

import AsyncIO

@MainActor func use() async throws {
    let task = createTask { 1 }
    Task.detached { @Sendable in task.cancel() }
    _ = try await task.value
}
