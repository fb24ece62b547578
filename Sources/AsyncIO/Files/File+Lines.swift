extension File {
    /// The lines from the position on, as text and without their newlines; invalid UTF-8 is
    /// repaired.
    ///
    /// ```swift
    /// try await withFile("names.txt") { file in
    ///     for try await name in file.lines { print(name) }
    /// }
    /// ```
    ///
    /// Python: `for line in file`.
    public var lines: Lines { Lines(file: self) }

    /// The lines of a ``File``.
    public struct Lines: AsyncSequence {
        public typealias Element = String
        public typealias Failure = any Error

        let file: File

        public func makeAsyncIterator() -> Iterator { Iterator(file: file) }

        public struct Iterator: AsyncIteratorProtocol {
            let file: File

            /// The next line; nil at the end of the file.
            public mutating func next() async throws -> String? {
                var line = try await file.readLine()
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
