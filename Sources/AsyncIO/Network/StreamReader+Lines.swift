extension StreamReader {
    /// The lines of the stream as text, without their newlines (`\n`). A carriage return before the newline is part of
    /// the line. Invalid UTF-8 is replaced with U+FFFD.
    ///
    /// asyncio: `async for line in reader`.
    public var lines: Lines { Lines(reader: self) }

    /// An asynchronous sequence of the lines of a ``StreamReader``.
    public struct Lines: AsyncSequence {
        /// A line, without its newline.
        public typealias Element = String
        /// The type of the errors that reading throws.
        public typealias Failure = any Error

        let reader: StreamReader

        /// Returns an iterator that reads from the stream. All iterators of a reader share the same position.
        public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

        /// An iterator over the lines of a ``StreamReader``.
        public struct Iterator: AsyncIteratorProtocol {
            let reader: StreamReader

            /// Reads the next line.
            ///
            /// - Returns: The line without its newline, or `nil` at the end of the stream.
            /// - Throws: The same errors as ``StreamReader/readLine()``. If the task is cancelled, no bytes
            ///   are lost.
            public mutating func next() async throws -> String? {
                textOfLine(try await reader.readLine())
            }

            /// Reads the next line; see ``next()``.
            ///
            /// - Throws: The same errors as ``next()``. If the task is cancelled, no bytes are lost.
            public mutating func next(isolation actor: isolated (any Actor)?) async throws -> String? {
                try await next()
            }
        }
    }
}
