// If libc has no function with the name, the compiler says what to write.
// error: write the unit: withTimeout(.seconds(5)) { … }
// error: write the unit: waitFor(future, timeout: .seconds(5))
// error: write the unit: waitFor(timeout: .seconds(5)) { … }
// error: write the unit: callLater(.seconds(5)) { … }

import AsyncIO

@MainActor func use(_ future: Future<Int>, _ loop: EventLoop) async throws {
    try await withTimeout(5) { 1 }
    try await withTimeout(0.5) { 1 }
    try await waitFor(future, timeout: 5)
    try await waitFor(timeout: 5) { 1 }
    try loop.callLater(5) {}
}
