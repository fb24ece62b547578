import AsyncIO

func timeout() async throws {
    do {
        try await withAsyncTaskGroup { group in
            let tasks = try (1...3).map { number in try group.createTask { try await work(number) } }
            try await waitFor(gatherFuture(tasks), timeout: .seconds(3))
        }
    } catch let group as ExceptionGroup where group.errors.contains(where: { $0 is TimeoutError }) {
        say("Timeout! Tasks were cancelled by TaskGroup")
    }
}

private func work(_ number: Int) async throws {
    say("Task \(number) started")
    try await sleep(.seconds(2 * number))
    say("Task \(number) completed")
}
