import AsyncIO

/// Iterates over tasks in the order in which they end.
func asCompletedExample() async throws {
    let tasks = [
        createTask { try await work(1, for: .seconds(2)) },
        createTask { try await work(2, for: .seconds(1)) },
    ]
    for try await task in asCompleted(tasks) {
        print(try await task.value.inPython)
        print("Task completed: \(task.isDone.inPython)")
    }
}

private func work(_ number: Int, for duration: Duration) async throws -> Bool {
    try await sleep(duration)
    print("Task \(number) is done")
    return true
}
