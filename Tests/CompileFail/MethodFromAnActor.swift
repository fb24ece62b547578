// An actor cannot use a lock of the main actor.
// error: non-Sendable type 'Lock' of property 'lock' cannot exit main actor-isolated context

import AsyncIO

@MainActor final class Window { let lock = Lock() }

actor Worker {
    func work(on window: Window) async throws { try await window.lock.acquire() }
}
