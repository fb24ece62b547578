// The body of `run` returns a value that can leave the loop; a task cannot.
// error: a future belongs to its loop's thread
import AsyncIO

func share(on io: EventLoopThread) async throws {
    let task = try await io.run { _ in createTask { 1 } }
    _ = try await task.value
}
