import AsyncIO

extension Short {
    /// A chat with rooms. A client that does not read misses the oldest messages, and is cut off when it has not read for
    /// `patience`. It does not delay the others.
    static func chat(backlog: Int, patience: Duration) async throws -> Server {
        let hall = Broadcast<(room: String, line: String)>(capacity: backlog)
        return try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            guard let name = try await reader.readTextLine() else { return }
            var room = "lobby"
            let messages = hall.subscribe()
            do {
                try await race(
                    {
                        for try await line in reader.lines {
                            if line.hasPrefix("/join ") {
                                room = String(line.dropFirst(6))
                            } else {
                                try await hall.send((room, "\(name): \(line)"))
                            }
                        }
                    },
                    {
                        for try await message in messages where message.room == room {
                            try await withTimeout(patience) { try await writer.write(message.line + "\n") }
                        }
                    })
            } catch is TimeoutError {
                writer.abort()
            }
        }
    }
}
