extension File {
    /// Reads text from the current position to the end of the file.
    ///
    /// - Parameter invalid: How to handle bytes that are not valid UTF-8.
    /// - Throws: ``ValueError`` if the bytes are not valid UTF-8 and `invalid` is ``InvalidText/reject``; otherwise the
    ///   same errors as ``read(_:)``, including `CancellationError`.
    ///
    /// Python: `read()` of a file in text mode.
    public func readText(invalid: InvalidText = .reject) async throws -> String {
        try invalid.text(try await readToEnd())
    }

    /// Reads a line of text, and removes its newline.
    ///
    /// - Parameter invalid: How to handle bytes that are not valid UTF-8.
    /// - Returns: The line without its newline (`\n`), or `nil` at the end of the file.
    /// - Throws: ``ValueError`` if the line is not valid UTF-8 and `invalid` is ``InvalidText/reject``; otherwise the
    ///   same errors as ``readLine()``, including `CancellationError`.
    ///
    /// Python: `readline` of a file in text mode, which includes the newline.
    public func readTextLine(invalid: InvalidText = .reject) async throws -> String? {
        try invalid.line(try await readLine())
    }

    /// Writes all of `bytes`; see ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError`.
    ///
    /// Python: `write`.
    @inlinable
    public func write(_ bytes: some Collection<UInt8>) async throws { try await write(Array(bytes)) }
}
