/// A codec for lines of text, which end with `\n`. A `\r` before that is dropped.
///
/// tokio-util: `LinesCodec`.
public struct LineCodec: FrameCodec, Sendable {
    /// What to do with bytes that are not UTF-8.
    public var invalid: InvalidText

    /// Creates a codec for lines.
    public init(invalid: InvalidText = .replace) { self.invalid = invalid }

    /// Reads a line, and drops its line ending.
    ///
    /// - Returns: The line, or `nil` at the end of the stream. The last line can lack the `\n`.
    /// - Throws: ``ValueError`` if the line is longer than the limit of the reader, or is not UTF-8 and ``invalid`` is
    ///   ``InvalidText/reject``; otherwise the errors of the stream. If the task is cancelled, no bytes are lost.
    public func read(from reader: StreamReader) async throws -> String? {
        guard let line = try await reader.readTextLine(invalid: invalid) else { return nil }
        return line.utf8.last == 0x0D ? String(decoding: line.utf8.dropLast(), as: UTF8.self) : line
    }

    /// Returns the line with a `\n`.
    ///
    /// - Throws: ``ValueError`` if the line contains a `\n`.
    public func encode(_ line: String) throws(ValueError) -> [UInt8] {
        if line.utf8.contains(0x0A) { throw ValueError("a line must not contain a newline") }
        return line.utf8 + [0x0A]
    }
}

extension FrameCodec where Self == LineCodec {
    /// Frames that are lines of text; see ``LineCodec``.
    public static var lines: LineCodec { LineCodec() }
}
