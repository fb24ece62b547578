import AsyncIO

func retry() async throws {
    var attempts = 0
    let result = try await retry(attempts: 3, backoff: Backoff(initial: .seconds(1), factor: 2)) {
        attempts += 1
        say("Attempt \(attempts)")
        guard attempts == 3 else { throw RuntimeError("Attempt \(attempts) failed") }
        return "it works"
    }
    say("Result: \(result)")
}
