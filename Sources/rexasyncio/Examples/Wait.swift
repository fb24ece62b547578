import AsyncIO

/// Waits with a timeout.
func timeoutExample() async throws {
    do {
        try await waitFor(timeout: .seconds(1)) { try await eternity() }
    } catch is TimeoutError {
        print("Timed out!")
    }
}

private func eternity() async throws {
    try await sleep(.seconds(3600))
    print("yay!")
}

/// Waits for two tasks, and prints their results when both have ended.
func waitExample() async throws {
    let tasks = [1, 2].map { number in createTask { try await result(after: number) } }
    let (done, _) = try await wait(tasks)
    for task in done { print(try task.result()) }
}

/// Returns `seconds` after that many seconds.
private func result(after seconds: Int) async throws -> Int {
    try await sleep(.seconds(seconds))
    return seconds
}
