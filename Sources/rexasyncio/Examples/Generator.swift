import AsyncIO

/// Iterates over a generator that waits before each value.
func slowGeneratorExample() async throws {
    for try await number in slowNumbers() { print("generator ex1: \(number)") }
}

/// Iterates over a generator that does not wait.
func quickGeneratorExample() async throws {
    let numbers = AsyncGenerator<Int> { yield in
        for number in 1...5 { try await yield(number) }
    }
    for try await number in numbers { print("generator ex2: \(number)") }
}

/// Generates the numbers 0 to 4, one per second.
func slowNumbers() -> AsyncGenerator<Int> {
    AsyncGenerator { yield in
        for number in 0..<5 {
            try await sleep(.seconds(1))
            try await yield(number)
        }
    }
}
