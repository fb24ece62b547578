import AsyncIO

func iterator() async throws {
    try await gather({ try await count("A") }, { try await count("B") })
}

private func count(_ name: String) async throws {
    for try await number in Counter(limit: 3) { say("\(name): \(number)") }
}

/// Counts from 0 and lets others run before each number.
private struct Counter: AsyncSequence, AsyncIteratorProtocol {
    let limit: Int
    var current = 0

    func makeAsyncIterator() -> Counter { self }

    mutating func next() async throws -> Int? {
        guard current < limit else { return nil }
        try await sleep(.zero)
        defer { current += 1 }
        return current
    }
}
