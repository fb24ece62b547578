// A stream of an EventLoopThread's loop cannot be used in a task that runs elsewhere.
// error: risks causing data races
import AsyncIO

func share(on io: EventLoopThread) async throws {
    try await io.run { _ in
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: 80)
        Task.detached { try await writer.write("hello") }
        _ = try await reader.read(1)
    }
}
