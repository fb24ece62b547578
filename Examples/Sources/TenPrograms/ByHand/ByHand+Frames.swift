import AsyncIO

extension ByHand {
    /// A server that answers each message with its bytes reversed. Each message is preceded by its length, in four
    /// bytes.
    static func frames(maxLength: Int) async throws -> Server {
        try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            while let message = try await readMessage(from: reader, maxLength: maxLength) {
                try await write(message.reversed(), to: writer)
            }
        }
    }

    /// Sends messages to the server, all at once, and returns the answers.
    static func exchange(_ messages: [[UInt8]], maxLength: Int, port: Int) async throws -> [[UInt8]] {
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
        defer { writer.close() }
        let (answers, _) = try await gather(
            {
                var answers: [[UInt8]] = []
                while let answer = try await readMessage(from: reader, maxLength: maxLength) { answers.append(answer) }
                return answers
            },
            {
                for message in messages { try await write(message, to: writer) }
                try writer.writeEOF()
            })
        return answers
    }

    private static func readMessage(from reader: StreamReader, maxLength: Int) async throws -> [UInt8]? {
        let header: [UInt8]
        do {
            header = try await reader.readExactly(4)
        } catch let error as IncompleteReadError where error.partial.isEmpty {
            return nil
        }
        let length = header.reduce(0) { $0 << 8 | Int($1) }
        guard length <= maxLength else { throw ProgramError("a message of \(length) bytes is too long") }
        return try await reader.readExactly(length)
    }

    private static func write(_ message: [UInt8], to writer: StreamWriter) async throws {
        guard let length = UInt32(exactly: message.count) else { throw ProgramError("the message is too long") }
        let header = stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: length >> $0) }
        try await writer.write(header + message)
    }
}
