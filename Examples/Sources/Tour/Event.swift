import AsyncIO

func event() async throws {
    let event = Event()
    let waiters = (0..<3).map { number in createTask { try await wait(number, for: event) } }
    let trigger = createTask { try await set(event) }
    try await gather(waiters + [trigger])
}

private func wait(_ number: Int, for event: Event) async throws {
    say("Waiter \(number) waiting for event")
    try await event.wait()
    say("Waiter \(number) proceeding after event")
}

private func set(_ event: Event) async throws {
    say("Trigger task started")
    try await sleep(.seconds(1))
    say("Setting event")
    event.set()
}
