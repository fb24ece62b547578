// The value of a plain Swift task must be Sendable. An AsyncTask is not, and the message says what
// to use instead.
// error: conformance of 'FutureBase' to 'Sendable' is unavailable: a future belongs to its loop's thread; hand work over with loop.submit { }

import AsyncIO

@MainActor func use() async throws {
    let plain = Task.detached { @MainActor in createTask { 1 } }
    _ = try await plain.value
}
