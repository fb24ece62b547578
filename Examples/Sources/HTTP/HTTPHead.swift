public import AsyncIO
import Foundation

/// What a request or an answer begins with: a line, and headers.
public struct HTTPHead {
    /// Of the first line.
    public let words: [String]
    /// By name, in lower case.
    public let headers: [String: String]

    /// Nil if the connection ends before it begins.
    public init?(from reader: StreamReader) async throws {
        let first = try await reader.readLine()
        if first.isEmpty { return nil }
        words = String(decoding: first, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count > 1, words.contains(where: { $0.hasPrefix("HTTP/1.") }) else {
            throw HTTPError("the other side does not speak HTTP/1")
        }
        var headers: [String: String] = [:]
        while case let line = try await reader.httpLine(), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), headers.count < 200 else {
                throw HTTPError("a header without a name, or too many of them")
            }
            headers[line[..<colon].lowercased()] = line[colon...].dropFirst().trimmingCharacters(in: .whitespaces)
        }
        self.headers = headers
    }
}

extension StreamReader {
    /// Reads a line, which is there without its end.
    ///
    /// - Throws: `HTTPError` if the connection ends before the line does.
    func httpLine() async throws -> String {
        do {
            return try await String(decoding: readUntil([0x0A]), as: UTF8.self).trimmingCharacters(in: .newlines)
        } catch is IncompleteReadError {
            throw HTTPError.cutOff
        }
    }
}
