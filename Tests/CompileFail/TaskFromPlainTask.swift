// A plain task's value is Sendable; a task of ours is not, and the message names the way.
// error: conformance of 'FutureBase' to 'Sendable' is unavailable: a future belongs to its loop's thread; hand work over with loop.submit { }

import AsyncIO

@MainActor func use() async throws {
    let plain = Task.detached { @MainActor in createTask { 1 } }
    _ = try await plain.value
}
