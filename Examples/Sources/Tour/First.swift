import AsyncIO

func first() async throws {
    let answer = try await race(
        { try await ask("slow", .seconds(3)) },
        { try await ask("fast", .seconds(1)) },
        { try await ask("middling", .seconds(2)) })
    say("First answer: \(answer)")
}

private func ask(_ source: String, _ duration: Duration) async throws -> String {
    say("Asking \(source) source")
    do {
        try await sleep(duration)
    } catch is CancellationError {
        say("Cancelled \(source) source")
        throw CancellationError()
    }
    return "from \(source) source"
}
