// An event of the main actor can be set only on the main actor.
// error: main actor-isolated property 'event' can not be referenced from a nonisolated context

import AsyncIO

@MainActor final class Window { let event = Event() }

nonisolated func raise(_ window: Window) { window.event.set() }
