internal import AsyncIO

/// The response to a request. Its body is read as it arrives, so it can be of any size.
public final class HTTPResponse {
    public let status: Int
    /// The values by lower-case name.
    public let headers: [String: String]
    /// The length of the body in bytes, if the server announces it.
    public private(set) var length: Int?
    private let reader: StreamReader
    private var body = Body.untilClosed

    private enum Body {
        case bytes(left: Int, isChunk: Bool)
        case nextChunk
        case untilClosed
        case ended
    }

    init(_ reader: StreamReader) async throws {
        self.reader = reader
        var head: HTTPHead
        var status: Int
        var informational = 0
        // A message with a status below 200 is informational, and not the final response.
        repeat {
            guard let next = try await HTTPHead(from: reader) else { throw HTTPError.cutOff }
            guard next.words[0].hasPrefix("HTTP/"), next.words[1].count == 3, let number = decimal(next.words[1]),
                number >= 100
            else { throw HTTPError("the response has no valid status") }
            (head, status) = (next, number)
            informational += 1
            guard informational <= 20 else { throw HTTPError("the server sent too many informational responses") }
        } while status < 200
        (self.status, headers) = (status, head.headers)
        try frame(head)
    }

    /// Determines where the body ends; see RFC 9112, section 6.3.
    private func frame(_ head: HTTPHead) throws {
        let length = head.headers["content-length"]
        if status == 204 || status == 304 {
            body = .ended
        } else if head.headers["transfer-encoding"] != nil {
            guard length == nil, head.words[0] == "HTTP/1.1", head.tokens(of: "transfer-encoding") == ["chunked"] else {
                throw HTTPError("unsupported transfer encoding, or both a transfer encoding and a length")
            }
            body = .nextChunk
        } else if let length {
            // Two lengths, even equal ones, are joined with a comma and therefore not a number.
            guard let number = decimal(length) else { throw HTTPError("invalid content length '\(length)'") }
            self.length = number
            body = .bytes(left: number, isChunk: false)
        }
    }

    /// Returns the next bytes of the body, or nil at its end.
    ///
    /// - Throws: `HTTPError` if the connection ends before the body does.
    public func read() async throws -> [UInt8]? {
        while true {
            switch body {
            case .ended: return nil
            case .untilClosed:
                let bytes = try await reader.read(65_536)
                return bytes.isEmpty ? nil : bytes
            case .nextChunk:
                let size = try await chunkSize()
                body = .bytes(left: size, isChunk: size > 0)
                // The last chunk, which is empty, can be followed by more headers.
                if size == 0 { _ = try await HTTPHead.readHeaders(from: reader) }
            case .bytes(left: 0, let isChunk):
                if isChunk, try await reader.httpLine() != "" { throw HTTPError("a chunk has no line ending") }
                body = isChunk ? .nextChunk : .ended
            case .bytes(let left, let isChunk):
                let bytes = try await reader.read(min(left, 65_536))
                if bytes.isEmpty { throw HTTPError.cutOff }
                body = .bytes(left: left - bytes.count, isChunk: isChunk)
                return bytes
            }
        }
    }

    /// Reads the line before a chunk: its size, and possibly extensions, which must be short.
    private func chunkSize() async throws -> Int {
        let line = try await reader.httpLine() ?? ""
        let digits = line.prefix { $0 != ";" }.trimmingSpaces
        guard line.utf8.count <= 1_024, digits.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
            let size = Int(digits, radix: 16)
        else { throw HTTPError("a chunk has no valid size") }
        return size
    }
}

/// Parses a number as HTTP writes it, with digits only. Returns nil for other text, and for numbers that are too large.
private func decimal(_ text: String) -> Int? {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
}
