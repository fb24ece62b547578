import AsyncIO

/// Work that computes, on a thread of its own.
func toThreadExample() async throws {
    print("Main function starting...")
    try await compute()
    print("Main function finished.")
}

private func compute() async throws {
    print("Async function starting...")
    let result = try await toThread { sum(upTo: 1_000_000) }
    print("Async function finished with result \(result).")
}

/// Blocks its thread until it is done: it belongs to no actor, so that any thread may run it.
private nonisolated func sum(upTo limit: Int) -> Int {
    var sum = 0
    for number in 0..<limit { sum += number }
    return sum
}
