import AsyncIO

func bounded() async throws {
    let semaphore = BoundedSemaphore(2)
    try await gather(0..<4) { number in try await work(number, semaphore) }
    do {
        try semaphore.release()
    } catch {
        say("Error: \(error)")
    }
}

private func work(_ number: Int, _ semaphore: BoundedSemaphore) async throws {
    try await semaphore.withLock {
        say("Task \(number) acquired the semaphore")
        try await sleep(.seconds(0.5))
        say("Task \(number) releasing the semaphore")
    }
}
