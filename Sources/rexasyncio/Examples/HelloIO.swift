import AsyncIO

/// Prints two greetings one after the other.
func helloIOExample() async throws {
    try await hello(1)
    try await hello(2)
}

/// Prints a greeting and waits for a second.
@discardableResult
func hello(_ number: Int) async throws -> Bool {
    print("Hello World \(number)!")
    try await sleep(.seconds(1))
    return true
}
