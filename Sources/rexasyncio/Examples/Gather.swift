import AsyncIO

/// Prints two greetings at the same time, and then their results.
func gatherExample() async throws {
    let (first, second) = try await gather({ try await hello(1) }, { try await hello(2) })
    print(first.inPython)
    print(second.inPython)
}
