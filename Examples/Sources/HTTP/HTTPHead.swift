public import AsyncIO

/// What a request or an answer begins with: a line, and headers.
///
/// Nothing is guessed: what RFC 9112 does not allow is an error, since a message that two
/// programs read differently is how requests are smuggled and files are cut short.
public struct HTTPHead {
    /// The three parts of the first line.
    public let words: [String]
    /// The values by name, in lower case. Values of headers that are repeated are joined with commas.
    public let headers: [String: String]

    /// How many headers a message may have.
    private static let most = 200

    /// Reads the head of a message.
    ///
    /// Returns nil if the connection ends before the message begins.
    ///
    /// - Throws: `HTTPError` if the bytes are no message of HTTP/1, or the connection ends in the middle.
    public init?(from reader: StreamReader) async throws {
        guard let first = try await reader.httpLine(orEnd: true) else { return nil }
        // The reason of an answer may have spaces, or be missing with the space before it.
        words = first.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard words.count >= 2, words.contains(where: { $0 == "HTTP/1.1" || $0 == "HTTP/1.0" }) else {
            throw HTTPError("the other side does not speak HTTP/1")
        }
        headers = try await Self.readHeaders(from: reader)
    }

    /// Reads headers up to the empty line that ends them.
    static func readHeaders(from reader: StreamReader) async throws -> [String: String] {
        var headers: [String: String] = [:]
        for _ in 0...most {
            guard let line = try await reader.httpLine(), !line.isEmpty else { return headers }
            // A line that begins with a space continues the one before in old programs, and is refused.
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex, line[..<colon].utf8.allSatisfy(isToken)
            else { throw HTTPError("a header without a name") }
            let name = line[..<colon].lowercased()
            let value = line[colon...].dropFirst().trimmingSpaces
            headers[name] = headers[name].map { "\($0), \(value)" } ?? value
        }
        throw HTTPError("more than \(most) headers")
    }

    /// Whether the other side closes the connection after this message.
    public var closes: Bool { tokens(of: "connection").contains("close") }

    /// Whether a request has a body.
    public var hasBody: Bool { headers["content-length"] ?? "0" != "0" || headers["transfer-encoding"] != nil }

    /// The elements of a header that is a list, in lower case.
    func tokens(of name: String) -> [String] {
        (headers[name] ?? "").split(separator: ",").map { $0.trimmingSpaces.lowercased() }
    }
}

/// Whether a byte may be part of a name.
private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

extension StreamReader {
    /// Reads a line and returns it without its end.
    ///
    /// - Parameter orEnd: whether the connection may end instead; the line is nil then.
    /// - Throws: `HTTPError` if the connection ends before the line does, if the line is longer
    ///   than the reader's limit, or if there are control characters in it.
    func httpLine(orEnd: Bool = false) async throws -> String? {
        let bytes: [UInt8]
        do {
            bytes = try await readUntil([0x0D, 0x0A]).dropLast(2)
        } catch let error as IncompleteReadError {
            if orEnd, error.partial.isEmpty { return nil }
            throw HTTPError.cutOff
        } catch is LimitOverrunError {
            throw HTTPError("a line is longer than \(limit) bytes")
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw HTTPError("a control character in a line")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    /// Without the spaces and tabs at either end.
    var trimmingSpaces: String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        guard let last = lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(self[...last].drop(while: isSpace))
    }
}
