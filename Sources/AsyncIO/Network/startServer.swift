internal import AsyncIOSystem

/// Starts a TCP server.
///
/// Each connection gets a task of its own, in which `handler` runs; when the handler ends,
/// in whatever way, its connection is closed. An error that it throws goes to the loop's
/// exception handler; but not, outside of debug mode, that the peer went away.
///
/// ```swift
/// let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
///     for try await line in reader.lines { try await writer.write(line + "\n") }
/// }
/// ```
///
/// - Parameters:
///   - host: the name or address to listen on; nil for all interfaces.
///   - port: 0 for one that the system chooses; see ``Server/port``.
///   - family: which kind of addresses to listen on; nil for both.
///   - backlog: how many connections may wait in the kernel.
///   - limit: how long a line may be, in bytes.
///   - reuseAddress: whether connections of an earlier server that linger (`TIME_WAIT`) are no
///     hindrance.
///   - reusePort: whether other processes may listen on the same port, each with its share.
///   - keepAlive: whether the system probes connections that are silent for long.
///   - noDelay: whether small writes are sent at once (`TCP_NODELAY`).
///   - dualStack: whether to serve all interfaces with one IPv6 socket, which IPv4 clients
///     reach too (as `::ffff:127.0.0.1`), and not with one for each family.
///   - startServing: false for a server that is bound, but does not listen until
///     ``Server/startServing()`` or ``Server/serveForever()``.
///   - tls: for connections with TLS: ``TLSContext/server(certificate:key:password:)``. Clients
///     whose handshake fails never reach the handler; in debug mode they are reported.
/// - Throws: ``OSError`` if an address cannot be listened on (in use, not permitted);
///   ``ResolveError``; ``ValueError`` for a port that is none.
///
/// asyncio: `asyncio.start_server`.
public func startServer(
    host: String?, port: Int, family: AddressFamily? = nil, backlog: Int = 100, limit: Int = defaultStreamLimit,
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

/// Starts a TCP server on several hosts, which are resolved side by side; each address is
/// listened on once.
///
/// asyncio: `asyncio.start_server`, given a sequence of hosts.
public func startServer(
    hosts: [String?], port: Int, family: AddressFamily? = nil, backlog: Int = 100, limit: Int = defaultStreamLimit,
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

/// Starts a server on sockets that are bound already, of TCP or Unix: those of a supervisor
/// (``takeSystemdSockets()``), say. The server owns them from now on.
///
/// - Throws: ``ValueError`` if one is no stream socket, or there are none; ``OSError``.
///
/// asyncio: `asyncio.start_server(sock=)`.
public func startServer(
    descriptors: [Int32], backlog: Int = 100, limit: Int = defaultStreamLimit, startServing: Bool = true,
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
/// A socket file that is there already is replaced; any other file is an error.
///
/// - Parameters:
///   - path: of the socket; or a zero character and a name in the abstract space.
///   - cleanupSocket: whether the file is removed when the server is closed, if it is still
///     its own.
/// - Throws: ``OSError`` with the path; ``ValueError`` for a path that is none.
///
/// asyncio: `asyncio.start_unix_server`.
public func startUnixServer(
    path: some SystemStringConvertible, backlog: Int = 100, limit: Int = defaultStreamLimit, cleanupSocket: Bool = true,
    startServing: Bool = true, tls: TLSContext? = nil,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    try checkLimit(limit)
    let upgrade = try tls.map(TLSUpgrade.init(server:))
    let loop = EventLoop.required(for: "startUnixServer")
    let listener = try bindUnixListener(to: SocketAddress(path: path), cleansUp: cleanupSocket)
    return try Server([listener], on: loop, backlog: backlog, startServing: startServing) { connection in
        serve(connection, limit: limit, upgrade, isolation: isolation, fileID: fileID, line: line, handler)
    }
}
