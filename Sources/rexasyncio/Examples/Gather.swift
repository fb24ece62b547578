import AsyncIO

/// Two greetings at the same time, and what they returned.
func gatherExample() async throws {
    let (first, second) = try await gather({ try await hello(1) }, { try await hello(2) })
    print(first.inPython)
    print(second.inPython)
}
