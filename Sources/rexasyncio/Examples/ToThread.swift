import AsyncIO

/// Runs a computation on a separate thread.
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

/// Computes a sum, which blocks the thread. The function is nonisolated, so any thread can run it.
private nonisolated func sum(upTo limit: Int) -> Int {
    var sum = 0
    for number in 0..<limit { sum += number }
    return sum
}
