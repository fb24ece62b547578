internal import AsyncIOSystem

/// Connects to a TCP server.
///
/// The host's addresses are tried one after the other until one answers. If ``ConnectionOptions/happyEyeballsDelay`` is
/// set, the next address is also tried when the current address has not answered within the delay. An unresponsive
/// address therefore costs no more time than the delay.
///
/// ```swift
/// let (reader, writer) = try await openConnection(host: "127.0.0.1", port: 8080)
/// try await writer.write("hello\n")
/// let reply = try await reader.readLine()
/// writer.close()
/// try await writer.waitClosed()
/// ```
///
/// To connect to known addresses, to a Unix socket, or over a socket that is already connected, use
/// ``openConnection(to:tls:options:)``.
///
/// - Parameters:
///   - host: A host name, an IPv4 address, or an IPv6 address.
///   - port: The port to connect to.
///   - tls: A client context for TLS, such as the result of ``TLSContext/client(systemTrust:)``, or `nil` for plain
///     TCP.
///   - options: The settings that most connections do not need.
/// - Returns: A reader and a writer for the connection.
/// - Throws: ``OSError``, whose message includes the error for each address, if no address answers; ``ResolveError`` if
///   the host cannot be resolved; ``TLSError`` if the server is not trusted or the handshake fails; ``ValueError`` if
///   the port is out of range, the limit is not positive, or the TLS parameters are not valid; `CancellationError` if
///   the task is cancelled, in which case no connection is left open.
///
/// asyncio: `asyncio.open_connection`.
public func openConnection(
    host: String, port: Int, tls: TLSContext? = nil, options: ConnectionOptions = ConnectionOptions()
) async throws -> (StreamReader, StreamWriter) {
    try await openConnection(to: .tcp(host: host, port: port), tls: tls, options: options)
}

/// Connects to any kind of target.
///
/// ```swift
/// let (reader, writer) = try await openConnection(to: .unix(path: "/run/echo.socket"))
/// ```
///
/// - Parameters:
///   - target: The target of the connection.
///   - tls: A client context for TLS, such as the result of ``TLSContext/client(systemTrust:)``, or `nil` to connect
///     without TLS.
///   - options: The settings that most connections do not need.
/// - Returns: A reader and a writer for the connection.
/// - Throws: ``OSError`` if no address answers; ``ResolveError`` if a host cannot be resolved; ``TLSError`` if the
///   server is not trusted or the handshake fails; ``ValueError`` if the target or an option is not valid, or the
///   socket is not a stream socket; ``RuntimeError`` if this loop already uses the socket; `CancellationError` if the
///   task is cancelled. In all of these cases, no new connection is left open. If you passed a socket, you still own
///   the socket after a ``ValueError`` or a ``RuntimeError``. After any other error, the socket is closed.
///
/// asyncio: `asyncio.open_connection`, `asyncio.open_unix_connection`.
public func openConnection(
    to target: ConnectionTarget, tls: TLSContext? = nil, options: ConnectionOptions = ConnectionOptions()
) async throws -> (StreamReader, StreamWriter) {
    let loop = EventLoop.required(for: "openConnection")
    try checkLimit(options.limit)
    return try await streams(on: target.open(tls: tls, options, on: loop), limit: options.limit)
}

/// Creates streams for a channel whose other end is in this process.
package func openConnection(
    over channel: ByteChannel, tls: TLSContext?, options: ConnectionOptions
) async throws -> (StreamReader, StreamWriter) {
    try checkLimit(options.limit)
    let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: options.serverHostname)
    return try await streams(on: upgrade?(channel) ?? channel, limit: options.limit)
}

package func streams(on channel: ByteChannel, limit: Int) throws(ValueError) -> (StreamReader, StreamWriter) {
    let reader = try StreamReader(limit: limit, channel: channel)
    return (reader, StreamWriter(channel: channel, reader: reader))
}

func checkLimit(_ limit: Int) throws(ValueError) {
    guard limit > 0 else { throw ValueError("limit must be positive, got \(limit)") }
}

/// Creates a connection over an existing socket, and takes ownership of the socket.
func adoptConnectedSocket(_ descriptor: Int32, on loop: EventLoop) throws -> Connection {
    try checkStreamSocket(descriptor, on: loop)
    let socket = try adoptSocket(descriptor)
    do {
        return try Connection(socket, on: loop, peer: nil)
    } catch {
        throw OSError(error, "watching descriptor \(descriptor)")
    }
}

/// Checks that a descriptor is a stream socket that the loop does not already use.
///
/// - Throws: ``ValueError`` if the descriptor is not a stream socket; ``RuntimeError`` if the loop already uses the
///   descriptor.
func checkStreamSocket(_ descriptor: Int32, on loop: EventLoop) throws {
    try loop.checkReal("descriptor \(descriptor)")
    try loop.checkUnused(descriptor)
    guard Socket(borrowing: descriptor).isStream else {
        throw ValueError("expected a stream socket, but descriptor \(descriptor) is not one")
    }
}

/// Takes ownership of a socket that has been checked.
func adoptSocket(_ descriptor: Int32) throws(OSError) -> Socket {
    let socket = Socket(owning: descriptor)
    do {
        try socket.prepare()
    } catch {
        throw OSError(error, "preparing descriptor \(descriptor)")
    }
    return socket
}
