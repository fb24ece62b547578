import AsyncIO

/// Prints two greetings concurrently, and then prints their results.
func gatherExample() async throws {
    let (first, second) = try await gather({ try await hello(1) }, { try await hello(2) })
    print(first.inPython)
    print(second.inPython)
}
