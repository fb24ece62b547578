/// A codec for lines of text that end with `\n`. A `\r` before the `\n` is dropped.
///
/// tokio-util: `LinesCodec`.
public struct LineCodec: FrameCodec, Sendable {
    /// How to handle bytes that are not valid UTF-8.
    public var invalid: InvalidText
    /// The maximum length of a line in bytes, without its line ending. `nil` means that only ``StreamReader/limit``
    /// applies.
    public var maxLength: Int?

    /// Creates a codec for lines.
    public init(invalid: InvalidText = .replace, maxLength: Int? = nil) {
        self.invalid = invalid
        self.maxLength = maxLength
    }

    /// Reads a line and drops its line ending.
    ///
    /// - Returns: The line, or `nil` at the end of the stream. The last line of the stream does not have to end with
    ///   `\n`.
    /// - Throws: ``ValueError`` if the line is longer than ``maxLength`` or ``StreamReader/limit``, or if the line is
    ///   not valid UTF-8 and ``invalid`` is ``InvalidText/reject``; otherwise any error of the stream. After a
    ///   ``ValueError``, the line is dropped, and the next call reads the next line. If the end of an overlong line has
    ///   not arrived yet, the next call first drops the rest of the line. If the task is cancelled, no bytes of other
    ///   lines are lost.
    public func read(from reader: StreamReader) async throws -> String? {
        guard let line = try invalid.line(try await bytes(from: reader)) else { return nil }
        return line.utf8.last == 0x0D ? String(decoding: line.utf8.dropLast(), as: UTF8.self) : line
    }

    private func bytes(from reader: StreamReader) async throws -> [UInt8] {
        let maxLength = maxLength.map { max(0, min($0, reader.limit)) } ?? reader.limit
        // A `\r` before the newline does not count toward the length of the line.
        let limit = maxLength < reader.limit ? maxLength + 1 : maxLength
        let line: [UInt8]
        do {
            line = try await reader.readLine(limit: limit, dropsRest: true)
        } catch is ValueError {
            throw tooLong(maxLength)
        }
        guard line.count > maxLength else { return line }
        let end = line.last == 0x0A ? (line.dropLast().last == 0x0D ? 2 : 1) : 0
        if line.count - end > maxLength { throw tooLong(maxLength) }
        return line
    }

    /// Returns the bytes of the line, followed by `\n`.
    ///
    /// - Throws: ``ValueError`` if the line contains a `\n`, or is longer than ``maxLength``.
    public func encode(_ line: String) throws(ValueError) -> [UInt8] {
        var bytes = Array(line.utf8)
        if bytes.contains(0x0A) { throw ValueError("a line must not contain a newline") }
        if let maxLength, bytes.count > max(0, maxLength) { throw tooLong(maxLength) }
        bytes.append(0x0A)
        return bytes
    }

    private func tooLong(_ maxLength: Int) -> ValueError { ValueError("a line is longer than \(maxLength) bytes") }
}

extension FrameCodec where Self == LineCodec {
    /// A codec for lines of text; see ``LineCodec``.
    public static var lines: LineCodec { LineCodec() }

    /// A codec for lines of text of a limited length; see ``LineCodec``.
    public static func lines(maxLength: Int) -> LineCodec { LineCodec(maxLength: maxLength) }
}
