public import AsyncIO

/// The head of a request or a response: a line and the headers.
///
/// The parser is strict: anything that RFC 9112 does not allow is an error. If two programs can
/// read a message differently, requests can be smuggled and files can be cut short.
public struct HTTPHead {
    /// The three parts of the first line.
    public let words: [String]
    /// The values by lower-case name. The values of repeated headers are joined with commas.
    public let headers: [String: String]

    /// The maximum number of headers in a message.
    private static let most = 200

    /// Reads the head of a message.
    ///
    /// Returns nil if the connection ends before the message begins.
    ///
    /// - Throws: `HTTPError` if the bytes are not an HTTP/1 message, or the connection ends within it.
    public init?(from reader: StreamReader) async throws {
        guard let first = try await reader.httpLine(orEnd: true) else { return nil }
        // The reason phrase of a response can contain spaces, or be missing together with the space before it.
        words = first.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard words.count >= 2, words.contains(where: { $0 == "HTTP/1.1" || $0 == "HTTP/1.0" }) else {
            throw HTTPError("the peer does not speak HTTP/1")
        }
        headers = try await Self.readHeaders(from: reader)
    }

    /// Reads headers up to the empty line that ends them.
    static func readHeaders(from reader: StreamReader) async throws -> [String: String] {
        var headers: [String: String] = [:]
        for _ in 0...most {
            guard let line = try await reader.httpLine(), !line.isEmpty else { return headers }
            // In old programs, a line that begins with a space continues the previous one. It is rejected here.
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex, line[..<colon].utf8.allSatisfy(isToken)
            else { throw HTTPError("malformed header name") }
            let name = line[..<colon].lowercased()
            let value = line[colon...].dropFirst().trimmingSpaces
            headers[name] = headers[name].map { "\($0), \(value)" } ?? value
        }
        throw HTTPError("the message has more than \(most) headers")
    }

    /// Whether the peer closes the connection after this message.
    public var closes: Bool { tokens(of: "connection").contains("close") }

    /// Whether a request has a body.
    public var hasBody: Bool { headers["content-length"] ?? "0" != "0" || headers["transfer-encoding"] != nil }

    /// The elements of a header that contains a list, in lower case.
    func tokens(of name: String) -> [String] {
        (headers[name] ?? "").split(separator: ",").map { $0.trimmingSpaces.lowercased() }
    }
}

/// Whether a byte can be part of a header name.
private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

extension StreamReader {
    /// Reads a line and returns it without its line ending.
    ///
    /// - Parameter orEnd: Whether the connection can end instead; the result is nil then.
    /// - Throws: `HTTPError` if the connection ends before the line does, if the line is longer
    ///   than the reader's limit, or if it contains control characters.
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
            throw HTTPError("a line contains a control character")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    /// The text without the spaces and tabs at either end.
    var trimmingSpaces: String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        guard let last = lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(self[...last].drop(while: isSpace))
    }
}
