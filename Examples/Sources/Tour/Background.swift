import AsyncIO

func background() async throws {
    let monitoring = createTask(monitor)
    for step in 0..<3 {
        say("Main step \(step)")
        try await sleep(.seconds(1))
    }
    monitoring.cancel()
    do {
        try await monitoring.value
    } catch is CancellationError {
        say("Background task cancelled")
    }
}

private func monitor() async throws {
    while true {
        say("Monitoring...")
        try await sleep(.seconds(2))
    }
}
