import AsyncIO

/// Runs three tasks concurrently, and awaits them one after another.
func createTaskExample() async throws {
    let task1 = createTask { try await work(1) }
    let task2 = createTask { try await work(2) }
    let task3 = createTask { try await work(3) }
    _ = try await task1.value
    _ = try await task2.value
    _ = try await task3.value
}

/// Runs the tasks of a list concurrently, and gathers their results.
func gatherTasksExample() async throws {
    let tasks = [1, 2].map { number in createTask { try await work(number) } }
    let results = try await gather(tasks)
    print("Results:")
    for result in results { print(result) }
}

/// Works for `number` seconds.
private func work(_ number: Int) async throws -> String {
    print("Task \(number) started")
    try await sleep(.seconds(number))
    print("Task \(number) finished")
    return "Task \(number) result"
}
