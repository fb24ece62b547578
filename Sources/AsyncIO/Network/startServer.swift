internal import AsyncIOSystem

/// Starts a TCP server.
///
/// Each connection gets its own task, which runs `handler`. When the handler returns or throws, its
/// connection is closed. An error that it throws goes to the loop's exception handler. Errors that only mean
/// that the peer disconnected are reported in debug mode only.
///
/// ```swift
/// let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
///     for try await line in reader.lines { try await writer.write(line + "\n") }
/// }
/// ```
///
/// - Parameters:
///   - host: The host name or address to listen on, or `.anyInterface`.
///   - port: The port to listen on, or 0 to let the system choose one; see ``Server/port``.
///   - family: The address family to listen on, or `nil` for both.
///   - backlog: How many connections can wait in the kernel's accept queue.
///   - limit: The maximum length of a line, in bytes.
///   - reuseAddress: Whether the port can be bound while connections of an earlier server linger in
///     `TIME_WAIT`.
///   - reusePort: Whether other processes can listen on the same port. The kernel distributes the connections
///     among them.
///   - keepAlive: Whether the system probes connections that have been idle for a long time.
///   - noDelay: Whether small writes are sent at once (`TCP_NODELAY`).
///   - dualStack: Whether to listen on all interfaces with a single IPv6 socket that also accepts IPv4
///     clients (as `::ffff:127.0.0.1`), instead of one socket for each family.
///   - startServing: Pass `false` to bind the sockets but not listen until you call ``Server/startServing()``
///     or ``Server/serveForever()``.
///   - tls: A context made with ``TLSContext/server(certificate:key:password:)`` to serve TLS connections, or
///     `nil` for plain TCP. Clients whose handshake fails never reach the handler; they are reported in debug
///     mode.
/// - Throws: ``OSError`` if the server cannot listen on an address (already in use or not permitted);
///   ``ResolveError`` if a host cannot be resolved; ``ValueError`` if the port is not in 0...65535, the limit
///   is not positive, or the context is a client's; `CancellationError` if the task is cancelled while a name
///   is resolved, in which case nothing is left open.
///
/// asyncio: `asyncio.start_server`.
public func startServer(
    host: String?, port: Int, family: Endpoint.Family? = nil, backlog: Int = 100,
    limit: Int = StreamReader.defaultLimit,
    reuseAddress: Bool = true, reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true,
    dualStack: Bool = false, startServing: Bool = true, tls: TLSContext? = nil,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    try await startServer(
        hosts: [host], port: port, family: family, backlog: backlog, limit: limit, reuseAddress: reuseAddress,
        reusePort: reusePort, keepAlive: keepAlive, noDelay: noDelay, dualStack: dualStack,
        startServing: startServing, tls: tls, isolation: isolation, fileID: fileID, line: line, handler)
}

/// Starts a TCP server on several hosts.
///
/// The hosts are resolved concurrently. An address that several of them share is listened on once.
///
/// - Parameter hosts: The host names or addresses to listen on; `nil` stands for all interfaces, as
///   `.anyInterface` does. The other parameters are those of
///   ``startServer(host:port:family:backlog:limit:reuseAddress:reusePort:keepAlive:noDelay:dualStack:startServing:tls:isolation:fileID:line:_:)``.
/// - Throws: The same errors as that function, including `CancellationError`.
///
/// asyncio: `asyncio.start_server`, given a sequence of hosts.
public func startServer(
    hosts: [String?], port: Int, family: Endpoint.Family? = nil, backlog: Int = 100,
    limit: Int = StreamReader.defaultLimit,
    reuseAddress: Bool = true, reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true,
    dualStack: Bool = false, startServing: Bool = true, tls: TLSContext? = nil,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    try checkLimit(limit)
    let upgrade = try tls.map(TLSUpgrade.init(server:))
    let loop = EventLoop.required(for: "startServer")
    let options = Socket.Options(
        reuseAddress: reuseAddress, reusePort: reusePort, keepAlive: keepAlive, noDelay: noDelay, dualStack: dualStack)
    let listeners = try await bindListeners(hosts: hosts, port: port, family: family, options, on: loop)
    return try Server(listeners, on: loop, backlog: backlog, startServing: startServing) { connection in
        serve(connection, limit: limit, upgrade, isolation: isolation, fileID: fileID, line: line, handler)
    }
}

/// Starts a server on TCP or Unix sockets that are already bound, such as those passed by a supervisor; see
/// ``takeSystemdSockets()``.
///
/// The server takes ownership of the sockets. This function does not suspend, so cancellation has no effect
/// on it.
///
/// - Throws: ``ValueError`` if a descriptor is not a stream socket, is listed twice, or there are none;
///   ``RuntimeError`` if this loop already uses one of them; ``OSError`` if the system refuses to listen.
///
/// asyncio: `asyncio.start_server(sock=)`.
public func startServer(
    descriptors: [Int32], backlog: Int = 100, limit: Int = StreamReader.defaultLimit, startServing: Bool = true,
    tls: TLSContext? = nil,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    try checkLimit(limit)
    let upgrade = try tls.map(TLSUpgrade.init(server:))
    let loop = EventLoop.required(for: "startServer")
    return try Server(
        adoptListeners(descriptors, on: loop), on: loop, backlog: backlog, startServing: startServing, isShared: true
    ) {
        connection in
        serve(connection, limit: limit, upgrade, isolation: isolation, fileID: fileID, line: line, handler)
    }
}

/// Starts a server on a Unix socket.
///
/// An existing socket file at `path` is replaced. Any other existing file is an error. This function does not
/// suspend, so cancellation has no effect on it.
///
/// - Parameters:
///   - path: The path of the socket, or a zero character followed by a name in the abstract namespace.
///   - cleanupSocket: Whether to remove the socket file when the server is closed, provided the file still
///     belongs to this server.
/// - Throws: ``OSError``, which names the path, if the server cannot listen there; ``ValueError`` if the path
///   is not valid, the limit is not positive, or the context is a client's.
///
/// asyncio: `asyncio.start_unix_server`.
public func startUnixServer(
    path: some SystemStringConvertible, backlog: Int = 100, limit: Int = StreamReader.defaultLimit,
    cleanupSocket: Bool = true,
    startServing: Bool = true, tls: TLSContext? = nil,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    try checkLimit(limit)
    let upgrade = try tls.map(TLSUpgrade.init(server:))
    let loop = EventLoop.required(for: "startUnixServer")
    let listener = try bindUnixListener(to: Endpoint(path: path), cleansUp: cleanupSocket)
    return try Server([listener], on: loop, backlog: backlog, startServing: startServing) { connection in
        serve(connection, limit: limit, upgrade, isolation: isolation, fileID: fileID, line: line, handler)
    }
}
