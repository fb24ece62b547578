// The main actor's event is set from the main actor.
// error: main actor-isolated property 'event' can not be referenced from a nonisolated context

import AsyncIO

@MainActor final class Window { let event = Event() }

nonisolated func raise(_ window: Window) { window.event.set() }
