extension StreamReader {
    /// Reads text until the end of the stream.
    ///
    /// - Parameter invalid: How to handle bytes that are not valid UTF-8.
    /// - Returns: The text, or an empty string if the stream has already ended.
    /// - Throws: ``ValueError`` if the bytes are not valid UTF-8 and `invalid` is ``InvalidText/reject``, in which case
    ///   the bytes are dropped; otherwise the same errors as ``readToEnd()``. If the task is cancelled, no bytes are
    ///   lost.
    /// - Complexity: O(*n*), where *n* is the number of bytes that are read.
    public func readText(invalid: InvalidText = .reject) async throws -> String {
        try invalid.text(try await readToEnd())
    }

    /// Reads text up to the first occurrence of `separator`, and drops the separator.
    ///
    /// - Parameters:
    ///   - separator: The text that marks the end, such as `"\r\n"`.
    ///   - invalid: How to handle bytes that are not valid UTF-8.
    /// - Returns: The text before the separator.
    /// - Throws: ``ValueError`` if the separator is empty, or if the bytes are not valid UTF-8 and `invalid` is
    ///   ``InvalidText/reject``, in which case the bytes are dropped; otherwise the same errors as ``readUntil(_:)``.
    ///   If the task is cancelled, no bytes are lost.
    /// - Complexity: O(*n*), where *n* is the number of bytes that are read.
    public func readText(until separator: String, invalid: InvalidText = .reject) async throws -> String {
        let separator = Array(separator.utf8)
        return try invalid.text(try await readUntil(separator).dropLast(separator.count))
    }

    /// Reads a line of text and drops its newline.
    ///
    /// - Parameter invalid: How to handle bytes that are not valid UTF-8.
    /// - Returns: The line without its newline (`\n`), or `nil` at the end of the stream.
    /// - Throws: ``ValueError`` if the line is not valid UTF-8 and `invalid` is ``InvalidText/reject``, in which case
    ///   the line is dropped; otherwise the same errors as ``readLine()``. If the task is cancelled, no bytes are lost.
    /// - Complexity: O(*n*), where *n* is the number of bytes that are read.
    public func readTextLine(invalid: InvalidText = .reject) async throws -> String? {
        try invalid.line(try await readLine())
    }
}
