// An actor does not reach into the main actor's lock.
// error: non-Sendable type 'Lock' of property 'lock' cannot exit main actor-isolated context

import AsyncIO

@MainActor final class Window { let lock = Lock() }

actor Worker {
    func work(on window: Window) async throws { try await window.lock.acquire() }
}
