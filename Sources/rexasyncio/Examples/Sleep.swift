import AsyncIO

/// Iterates over a generator that sleeps.
func sleepExample() async throws {
    for try await number in slowNumbers() { print("generator ex1: \(number)") }
}
