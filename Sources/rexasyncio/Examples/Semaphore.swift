import AsyncIO

/// Runs five workers, at most three at a time.
func semaphoreExample() async throws {
    let semaphore = Semaphore(3)
    try await gather((1...5)) { _ in try await work(under: semaphore) }
}

private func work(under semaphore: Semaphore) async throws {
    try await semaphore.withLock {
        print("Worker started")
        try await sleep(.seconds(1))
        print("Worker finished")
    }
}
