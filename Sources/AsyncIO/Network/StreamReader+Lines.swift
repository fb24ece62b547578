extension StreamReader {
    /// The stream's lines as text, without their newlines; invalid UTF-8 is repaired.
    ///
    /// asyncio: `async for line in reader`.
    public var lines: Lines { Lines(reader: self) }

    /// The lines of a ``StreamReader``.
    public struct Lines: AsyncSequence {
        public typealias Element = String
        public typealias Failure = any Error

        let reader: StreamReader

        public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

        public struct Iterator: AsyncIteratorProtocol {
            let reader: StreamReader

            /// The next line; nil at the end of the stream.
            public mutating func next() async throws -> String? {
                var line = try await reader.readLine()
                if line.isEmpty { return nil }
                if line.last == 0x0A { line.removeLast() }
                return String(decoding: line, as: UTF8.self)
            }

            public mutating func next(isolation actor: isolated (any Actor)?) async throws -> String? {
                try await next()
            }
        }
    }
}
