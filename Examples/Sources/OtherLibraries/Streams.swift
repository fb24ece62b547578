import AsyncIO

/// Collects `numbers` until they end, or until time runs out.
public func collect(
    _ numbers: some AsyncSequence<Int, any Error>, for limit: Duration
) async throws -> (numbers: [Int], isComplete: Bool) {
    try await withTimeout(limit) { timeout in
        var found: [Int] = []
        // When it is cancelled, the sequence ends as if there were no more.
        for try await number in numbers { found.append(number) }
        return (found, !timeout.isExpired)
    }
}
