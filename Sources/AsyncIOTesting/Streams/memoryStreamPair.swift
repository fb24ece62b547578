public import AsyncIO
internal import SystemPackage

/// Creates the two ends of a connection in memory. Each end reads what the other end writes.
///
/// ```swift
/// let (client, server) = try memoryStreamPair(faults: StreamFaults(pieceSize: 1))
/// try await client.writer.write("GET counter\n")
/// #expect(try await server.reader.readLine() == "GET counter")
/// ```
///
/// The streams behave like those of a TCP connection, with half-close, back-pressure, and errors. They work on any
/// loop, in virtual time and in real time.
///
/// - Parameters:
///   - faults: The faults in both directions.
///   - limit: The maximum length in bytes of a line, or of a part that ends with a separator.
/// - Throws: `ValueError` if the limit is not positive.
///
/// asyncio: none. In trio, this is `trio.testing.memory_stream_pair`.
public func memoryStreamPair(
    faults: StreamFaults = StreamFaults(), limit: Int = 65_536
) throws -> (
    client: (reader: StreamReader, writer: StreamWriter), server: (reader: StreamReader, writer: StreamWriter)
) {
    let (a, b) = MemoryLink.makePair(faults, on: try EventLoop.running)
    return (try streams(on: a, limit: limit), try streams(on: b, limit: limit))
}

/// Connects to a server on this loop through memory, without a socket.
///
/// The server serves the connection like any other connection, with its handler, TLS, and graceful shutdown. The only
/// difference is that the connection bypasses the queue of connections that are waiting to be accepted.
///
/// ```swift
/// let server = try await startServer(host: "127.0.0.1", port: 0, handler)
/// let (reader, writer) = try await openStream(to: server)
/// ```
///
/// - Parameters:
///   - server: A server that is serving.
///   - tls: A client context to connect with TLS, or `nil` to connect without TLS. TLS requires
///     `ConnectionOptions.serverHostname`.
///   - options: The settings of the connection. Only the settings for streams and TLS are used.
///   - faults: The faults in both directions.
/// - Throws: `OSError` (`.connectionRefused`) if the server is not serving; `TLSError` if the handshake fails;
///   `ValueError` if an option is not valid; `CancellationError` if the task is cancelled. In that case, no connection
///   is left open.
///
/// asyncio: none. In trio, this is `trio.testing.open_stream_to_socket_listener`.
public func openStream(
    to server: Server, tls: TLSContext? = nil, options: ConnectionOptions = ConnectionOptions(),
    faults: StreamFaults = StreamFaults()
) async throws -> (StreamReader, StreamWriter) {
    guard server.isServing else { throw OSError(.connectionRefused, "connecting to a server that is not serving") }
    let (near, far) = MemoryLink.makePair(faults, on: try EventLoop.running)
    server.adopt(far)
    return try await openConnection(over: near, tls: tls, options: options)
}
