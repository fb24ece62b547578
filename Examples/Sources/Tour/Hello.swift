import AsyncIO

func hello() async throws {
    try await gather(greet, greet)
}

private func greet() async throws {
    say("Hello")
    try await sleep(.seconds(1))
    say("World")
}
