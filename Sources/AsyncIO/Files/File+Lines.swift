extension File {
    /// The lines of the file, starting at the current position, as text without newlines.
    ///
    /// Invalid UTF-8 is replaced with U+FFFD.
    ///
    /// ```swift
    /// try await withFile("names.txt") { file in
    ///     for try await name in file.lines { print(name) }
    /// }
    /// ```
    ///
    /// Python: `for line in file`.
    public var lines: Lines { Lines(file: self) }

    /// An asynchronous sequence of the lines of a ``File``.
    public struct Lines: AsyncSequence {
        /// A line of text.
        public typealias Element = String
        /// The type of the errors that reading throws; see ``File/readLine()``.
        public typealias Failure = any Error

        let file: File

        /// Returns an iterator that reads from the file's current position.
        public func makeAsyncIterator() -> Iterator { Iterator(file: file) }

        /// An iterator over the lines of a ``File``.
        public struct Iterator: AsyncIteratorProtocol {
            let file: File

            /// Reads the next line.
            ///
            /// - Returns: The line without its newline, or `nil` at the end of the file.
            /// - Throws: The errors of ``File/readLine()``; `CancellationError` if the task is cancelled. In that case,
            ///   no line is lost.
            public mutating func next() async throws -> String? {
                textOfLine(try await file.readLine())
            }

            /// Reads the next line; see ``next()``.
            ///
            /// - Throws: The errors of ``next()``, including `CancellationError`.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws -> String? {
                try await next()
            }
        }
    }
}
