/// A reader over a descriptor: the reading end of a pipe, a terminal, or a socket that is only
/// read. `openReader(descriptor: 0)` is standard input, if that is no file.
///
/// The descriptor is the reader's from now on: it is made non-blocking, and closed when nobody
/// holds the reader any more.
///
/// - Parameters:
///   - descriptor: it stays the caller's if this throws a ``ValueError``.
///   - limit: how long a line may be, in bytes.
/// - Throws: ``ValueError`` if it is none of these; a regular file, say, for which there is
///   ``openFile(_:_:permissions:)``; ``OSError``.
///
/// asyncio: `loop.connect_read_pipe` with a `StreamReaderProtocol`.
public func openReader(descriptor: Int32, limit: Int = defaultStreamLimit) throws -> StreamReader {
    let loop = EventLoop.required(for: "openReader")
    try checkLimit(limit)
    let connection = try loop.pipe(descriptor, .reading)
    connection.closesQuietly = true
    return try StreamReader(limit: limit, channel: connection)
}

/// A writer over a descriptor: the writing end of a pipe, a terminal, or a socket that is only
/// written to.
///
/// The descriptor is the writer's from now on: it is made non-blocking, and closed with the
/// writer.
///
/// - Throws: as ``openReader(descriptor:limit:)``.
///
/// asyncio: `loop.connect_write_pipe`, and a `StreamWriter` on it.
public func openWriter(descriptor: Int32) throws -> StreamWriter {
    let loop = EventLoop.required(for: "openWriter")
    return StreamWriter(channel: try loop.pipe(descriptor, .writing))
}
