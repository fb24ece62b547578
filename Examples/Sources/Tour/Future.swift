import AsyncIO

func future() async throws {
    let future = Future<String>()
    createTask {
        try await sleep(.seconds(1))
        try future.setResult("Future resolved!")
    }
    say(try await future.value)
}
