import AsyncIO

func group() async throws {
    do {
        try await withAsyncTaskGroup { group in
            for item in 1...4 { try group.createTask { try await process(item) } }
        }
    } catch let group as ExceptionGroup {
        for error in group.errors { say("TaskGroup caught: \(error)") }
    }
}

private func process(_ item: Int) async throws {
    say("Processing item \(item)")
    try await sleep(.seconds(item))
    if item == 3 { throw ValueError("Failed to process item \(item)") }
}
