import AsyncIO

/// Two greetings, one after the other.
func helloIOExample() async throws {
    try await hello(1)
    try await hello(2)
}

/// Greets, and takes a second for it.
@discardableResult
func hello(_ number: Int) async throws -> Bool {
    print("Hello World \(number)!")
    try await sleep(.seconds(1))
    return true
}
