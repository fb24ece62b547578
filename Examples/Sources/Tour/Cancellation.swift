import AsyncIO

func cancellation() async throws {
    let task = createTask(work)
    try await sleep(.seconds(1))
    task.cancel()
    do {
        try await task.value
    } catch is CancellationError {
        say("Task was cancelled")
    }
}

private func work() async throws {
    do {
        try await sleep(.seconds(3600))
    } catch {
        say("cleaning up")
        try await sleep(.seconds(0.5))
        say("cleaned up")
        throw error
    }
}
