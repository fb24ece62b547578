internal import AsyncIOSystem

/// Starts a TCP server.
///
/// Each connection gets its own task, which runs `handler`. When the handler returns or throws an error, its connection
/// is closed. If the handler throws an error, the loop's exception handler is called. Errors that occur because the
/// peer disconnected are reported only in debug mode.
///
/// The handler is not cancelled when the peer disconnects. The handler detects the disconnect when it reads or writes,
/// but not while it waits for something else.
///
/// ```swift
/// let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
///     for try await line in reader.lines { try await writer.write(line + "\n") }
/// }
/// ```
///
/// To listen on several hosts, on a Unix socket, or on sockets that are already bound, use
/// ``startServer(on:tls:options:isolation:fileID:line:_:)``.
///
/// - Parameters:
///   - host: The host name or address to listen on, or `.anyInterface`.
///   - port: The port to listen on, or 0 to let the system choose one; see ``Server/port``.
///   - tls: A server context for TLS, such as the result of ``TLSContext/server(certificate:key:password:)``, or `nil`
///     for plain TCP. If a client's handshake fails, the handler is not called for that client. The failure is reported
///     only in debug mode.
///   - options: The settings that most servers do not need.
///   - handler: A closure that serves a connection.
/// - Throws: ``OSError`` if the server cannot listen on an address (for example, because the address is already in
///   use); ``ResolveError`` if a host cannot be resolved; ``ValueError`` if the port is out of range, the limit is not
///   positive, or the context is for a client; `CancellationError` if the task is cancelled while a name is being
///   resolved, in which case no socket is left open.
///
/// asyncio: `asyncio.start_server`.
public func startServer(
    host: String? = .anyInterface, port: Int, tls: TLSContext? = nil, options: Server.Options = Server.Options(),
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    try await startServer(
        on: .tcp(host: host, port: port), tls: tls, options: options, isolation: isolation, fileID: fileID, line: line,
        handler)
}

/// Starts a server on any kind of listener.
///
/// ```swift
/// let server = try await startServer(on: .unix(path: "/run/echo.socket")) { reader, writer in … }
/// ```
///
/// This function suspends only to resolve names. If `listener` contains no names, cancellation has no effect. The other
/// parameters are those of ``startServer(host:port:tls:options:isolation:fileID:line:_:)``.
///
/// - Parameter listener: The port, path, or sockets to listen on.
/// - Throws: The same errors as ``startServer(host:port:tls:options:isolation:fileID:line:_:)``, including
///   `CancellationError`; ``OSError``, whose message names the path, if the server cannot listen on a Unix socket;
///   ``ValueError`` if a path is not valid, no sockets are passed, a socket is not a stream socket, or a socket is
///   listed twice; ``RuntimeError`` if this loop already uses one of the sockets. After a ``ValueError`` or a
///   ``RuntimeError``, you still own the sockets that you passed.
///
/// asyncio: `asyncio.start_server`, `asyncio.start_unix_server`.
public func startServer(
    on listener: Server.Listener, tls: TLSContext? = nil, options: Server.Options = Server.Options(),
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    let limit = options.limit
    try checkLimit(limit)
    let upgrade = try tls.map(TLSUpgrade.init(server:))
    let loop = EventLoop.required(for: "startServer")
    let sockets = try await listener.bind(options, on: loop)
    return try Server(sockets, on: loop, options, isShared: listener.isShared) { connection, server in
        serve(
            connection, limit: limit, ofProxy: options.expectsProxyHeader ? server : nil, upgrade,
            isolation: isolation, fileID: fileID, line: line, handler)
    }
}
