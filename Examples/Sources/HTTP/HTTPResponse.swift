internal import AsyncIO

/// The answer to a request. Its body is read as it comes, so that it may be of any size.
public final class HTTPResponse {
    public let status: Int
    /// By name, in lower case.
    public let headers: [String: String]
    /// How many bytes the body has, if the server says so.
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
        // What comes with a status below 200 is not the answer yet.
        repeat {
            guard let next = try await HTTPHead(from: reader) else { throw HTTPError.cutOff }
            guard let number = Int(next.words[1]), number >= 100 else { throw HTTPError("an answer without a status") }
            (head, status) = (next, number)
        } while status < 200
        (self.status, headers) = (status, head.headers)
        if status == 204 {
            body = .ended
        } else if headers["transfer-encoding"]?.lowercased().hasSuffix("chunked") ?? false {
            body = .nextChunk
        } else if let text = headers["content-length"] {
            guard let length = Int(text), length >= 0 else { throw HTTPError("the length is no number") }
            self.length = length
            body = .bytes(left: length, isChunk: false)
        }
    }

    /// The body's next bytes; nil at its end.
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
                let line = try await reader.httpLine()
                let digits = line.prefix { $0 != ";" && $0 != " " }
                guard let size = Int(digits, radix: 16), size >= 0 else { throw HTTPError("a chunk without a size") }
                body = .bytes(left: size, isChunk: size > 0)
                // After the last chunk, which is empty, there may be more headers.
                while size == 0, try await !reader.httpLine().isEmpty {}
            case .bytes(left: 0, let isChunk):
                if isChunk, try await !reader.httpLine().isEmpty { throw HTTPError("a chunk does not end") }
                body = isChunk ? .nextChunk : .ended
            case .bytes(let left, let isChunk):
                let bytes = try await reader.read(min(left, 65_536))
                if bytes.isEmpty { throw HTTPError.cutOff }
                body = .bytes(left: left - bytes.count, isChunk: isChunk)
                return bytes
            }
        }
    }
}
