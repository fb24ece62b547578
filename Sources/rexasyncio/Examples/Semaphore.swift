import AsyncIO

/// Runs five workers, at most three at a time.
func semaphoreExample() async throws {
    let semaphore = Semaphore(3)
    try await gather((1...5)) { number in try await work(number, under: semaphore) }
}

private func work(_ number: Int, under semaphore: Semaphore) async throws {
    try await semaphore.withLock {
        print("Worker \(number) started")
        try await sleep(.seconds(1))
        print("Worker \(number) finished")
    }
}
