import AsyncIO

func race() async throws {
    let unlocked = Counter()
    try await gather(0..<10) { _ in try await unlocked.increment() }
    say("Without a lock: \(unlocked.value)")

    let locked = Counter()
    let lock = Lock()
    try await gather(0..<10) { _ in try await lock.withLock(locked.increment) }
    say("With a lock: \(locked.value)")
}

private final class Counter {
    var value = 0

    /// Increments the value. Updates that other tasks make while this waits are lost.
    func increment() async throws {
        let seen = value
        try await sleep(.zero)
        value = seen + 1
    }
}
