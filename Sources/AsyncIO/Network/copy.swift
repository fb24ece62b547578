/// Copies all data from one stream to another stream. The function does not close the writer.
///
/// ```swift
/// try await copy(from: reader, to: writer)
/// try writer.writeEOF()
/// ```
///
/// A slow receiver slows down the copying, because each write waits while the writer's buffer is above its high-water
/// mark.
///
/// - Parameters:
///   - reader: The stream to read from.
///   - writer: The stream to write to.
///   - chunkSize: The maximum number of bytes to read at a time.
/// - Returns: The number of bytes that were copied.
/// - Throws: ``ValueError`` if `chunkSize` is not positive; ``OSError`` or ``TLSError`` if one of the connections
///   breaks; `CancellationError` if the task is cancelled. In that case, bytes that have already been read are still
///   sent.
/// - Complexity: O(*n*), where *n* is the number of bytes that are copied.
///
/// asyncio: none. tokio: `io::copy`.
@discardableResult
public func copy(
    from reader: StreamReader, to writer: StreamWriter, chunkSize: Int = 65_536
) async throws -> Int {
    guard chunkSize > 0 else { throw ValueError("chunkSize must be positive, got \(chunkSize)") }
    var total = 0
    while true {
        let bytes = try await reader.read(chunkSize)
        if bytes.isEmpty { return total }
        try await writer.write(bytes)
        total += bytes.count
    }
}

/// Copies data between two connections in both directions, as a proxy does, until both directions have ended.
///
/// ```swift
/// let server = try await startServer(port: 8080) { reader, writer in
///     let (upstreamReader, upstreamWriter) = try await openConnection(host: "backend", port: 80)
///     defer { upstreamWriter.close() }
///     try await copyBothWays((reader, writer), (upstreamReader, upstreamWriter))
/// }
/// ```
///
/// When one connection ends its sending half, this function also ends the sending half of the other connection, and the
/// opposite direction continues. A TLS connection cannot be half-closed, so the function closes such a connection
/// instead. Otherwise, the function does not close the connections, and the caller must close them.
///
/// - Parameters:
///   - first: The streams of one connection.
///   - second: The streams of the other connection.
/// - Returns: The number of bytes that were copied from the first connection to the second connection, and the number
///   of bytes that were copied in the opposite direction.
/// - Throws: ``OSError`` or ``TLSError`` if one of the connections breaks, in which case the opposite direction is
///   cancelled first; `CancellationError` if the task is cancelled.
///
/// asyncio: none. tokio: `io::copy_bidirectional`.
@discardableResult
public func copyBothWays(
    _ first: (StreamReader, StreamWriter), _ second: (StreamReader, StreamWriter),
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line
) async throws -> (sent: Int, received: Int) {
    try await withAsyncTaskGroup(
        limit: nil, unwrapsSingleError: true, isolation: isolation, fileID: fileID, line: line
    ) { group in
        _ = isolation
        let sent = try group.createTask(isolation: isolation, fileID: fileID, line: line) {
            _ = isolation
            return try await copyWithEnd(from: first.0, to: second.1)
        }
        let received = try await copyWithEnd(from: second.0, to: first.1)
        return (try await sent.value, received)
    }
}

/// Copies all data from a reader to a writer, and then ends the writer's sending half.
private func copyWithEnd(from reader: StreamReader, to writer: StreamWriter) async throws -> Int {
    let count = try await copy(from: reader, to: writer)
    if writer.isClosing { return count }
    if writer.canWriteEOF { try writer.writeEOF() } else { writer.close() }
    return count
}
