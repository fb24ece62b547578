import AsyncIO

/// Waits with a timeout, and waits for several tasks.
func waitExample() async throws {
    do {
        try await waitFor(timeout: .seconds(1)) { try await eternity() }
    } catch is TimeoutError {
        print("Timed out!")
    }

    let tasks = [createTask { 1 }, createTask { 2 }]
    let (done, _) = try await wait(tasks)
    for task in done { print(try task.result()) }
}

private func eternity() async throws {
    try await sleep(.seconds(3600))
    print("yay!")
}
