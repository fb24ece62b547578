import AsyncIO

func shield() async throws {
    let waiter = createTask {
        let operation = createTask(operate)
        do {
            return try await shield(operation)
        } catch is CancellationError {
            say("Waiter was cancelled, the operation goes on")
            return try await operation.value
        }
    }
    try await sleep(.seconds(1))
    waiter.cancel()
    say("Waiter got: \(try await waiter.value)")
}

private func operate() async throws -> String {
    say("Operation started")
    try await sleep(.seconds(2))
    say("Operation finished")
    return "the result"
}
