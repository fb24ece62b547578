import AsyncIO

/// A server that answers commands as a test says. It knows neither `HELLO` nor RESP3.
enum FakeRedis {
    /// Serves one connection. `answer` returns a reply in RESP, or nil to close the connection.
    static func serve(
        _ reader: StreamReader, _ writer: StreamWriter, answer: ([String]) async throws -> String?
    ) async throws {
        defer { writer.close() }
        while let line = try await reader.readTextLine(), line.hasPrefix("*"), let count = Int(line.dropFirst()) {
            var words: [String] = []
            for _ in 0..<count {
                guard let size = try await reader.readTextLine().flatMap({ Int($0.dropFirst()) }) else { return }
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
