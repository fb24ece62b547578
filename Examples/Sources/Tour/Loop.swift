import AsyncIO

/// Does what `run { }` does, step by step: runs a loop until something has ended, and closes it.
func explicitLoop(_ loop: EventLoop) throws {
    try loop.runUntilComplete {
        try await gather(
            { try await work("Task 1", for: .seconds(2)) },
            { try await work("Task 2", for: .seconds(1)) })
    }
    try loop.close()
}

private func work(_ name: String, for duration: Duration) async throws {
    say("\(name) started")
    try await sleep(duration)
    say("\(name) finished")
}
