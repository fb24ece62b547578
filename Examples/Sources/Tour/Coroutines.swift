import AsyncIO

func coroutines() async throws {
    let (fetched, processed) = try await gather(fetchData, processData)
    say("Results: \(fetched), \(processed)")
}

private func fetchData() async throws -> [String: Int] {
    say("Fetching data...")
    try await sleep(.seconds(1))
    return ["data": 42]
}

private func processData() async throws -> String {
    say("Processing data...")
    try await sleep(.seconds(0.5))
    return "Processed"
}
