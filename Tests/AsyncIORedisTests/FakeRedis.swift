import AsyncIO

/// A server that answers commands as a test says. It knows neither `HELLO` nor RESP3.
enum FakeRedis {
    /// Serves one connection. `answer` returns a reply in RESP, or nil to close the connection.
    static func serve(
        _ reader: StreamReader, _ writer: StreamWriter, answer: ([String]) async throws -> String?
    ) async throws {
        defer { writer.close() }
        /// Reads a line such as `*3`, and returns its number; nil at the end.
        func number() async throws -> Int? {
            guard let line = try await reader.readTextLine() else { return nil }
            return Int(line.dropFirst().dropLast())
        }
        while let count = try await number() {
            var words: [String] = []
            for _ in 0..<count {
                guard let size = try await number() else { return }
                words.append(String(decoding: try await reader.readExactly(size + 2).dropLast(2), as: UTF8.self))
            }
            if words[0] == "HELLO" {
                try await writer.write("-ERR unknown command `HELLO`\r\n")
            } else if let reply = try await answer(words) {
                try await writer.write(reply)
            } else {
                return
            }
        }
    }
}
