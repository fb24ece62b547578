import AsyncIO

func semaphore() async throws {
    let semaphore = Semaphore(2)
    try await gather(0..<5) { number in try await call(number, semaphore) }
}

private func call(_ number: Int, _ semaphore: Semaphore) async throws {
    try await semaphore.withLock {
        say("Task \(number) making API call")
        try await sleep(.seconds(1))
        say("Task \(number) finished API call")
    }
}
