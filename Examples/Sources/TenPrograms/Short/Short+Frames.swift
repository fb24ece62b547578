import AsyncIO

extension Short {
    /// A server that answers each message with its bytes reversed. Each message is preceded by its length, in four
    /// bytes.
    static func frames(maxLength: Int) async throws -> Server {
        try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await message in reader.frames(.lengthPrefixed(maxLength: maxLength)) {
                try await writer.writeFrame(message.reversed(), .lengthPrefixed(maxLength: maxLength))
            }
        }
    }

    /// Sends messages to the server, all at once, and returns the answers.
    static func exchange(_ messages: [[UInt8]], maxLength: Int, port: Int) async throws -> [[UInt8]] {
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
        defer { writer.close() }
        let codec = LengthPrefixedCodec<UInt32>(maxLength: maxLength)
        let (answers, _) = try await gather(
            {
                var answers: [[UInt8]] = []
                for try await answer in reader.frames(codec) { answers.append(answer) }
                return answers
            },
            {
                for message in messages { try await writer.writeFrame(message, codec) }
                try writer.writeEOF()
            })
        return answers
    }
}
