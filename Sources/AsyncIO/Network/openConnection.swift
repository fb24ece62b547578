internal import AsyncIOSystem
internal import SystemPackage

/// Connects to a TCP server.
///
/// The host's addresses are tried one after the other until one answers. With a `happyEyeballsDelay`, the
/// next address is also tried when the current one has not answered within the delay, so an unresponsive
/// address costs no more than that.
///
/// ```swift
/// let (reader, writer) = try await openConnection(host: "127.0.0.1", port: 8080)
/// try await writer.write("hello\n")
/// let reply = try await reader.readLine()
/// writer.close()
/// try await writer.waitClosed()
/// ```
///
/// - Parameters:
///   - host: A host name, an IPv4 address or an IPv6 address.
///   - port: The port to connect to.
///   - family: The address family to try, or `nil` for both.
///   - localAddress: The local address to connect from, or `nil` to let the system choose one.
///   - happyEyeballsDelay: How long to wait for an address before trying the next one as well (RFC 8305,
///     which recommends 250 ms), or `nil` to wait until the address has failed.
///   - interleave: How many addresses of the first family to try before the families alternate, or 0 to keep
///     the resolver's order. `nil` means 1 with a `happyEyeballsDelay` and 0 without.
///   - allErrors: Whether to throw an ``ExceptionGroup`` of all errors if several addresses fail, instead of
///     one ``OSError`` that quotes them.
///   - limit: The maximum length of a line, in bytes.
///   - tls: A context made with ``TLSContext/client(systemTrust:)`` to connect with TLS, or `nil` for plain
///     TCP.
///   - serverHostname: The name that the server's certificate must be valid for, if it is not `host`.
/// - Returns: A reader and a writer for the connection.
/// - Throws: ``OSError``, with what each address reported, if no address answers; ``ResolveError`` if the
///   host cannot be resolved; ``TLSError`` if the server is not trusted or the handshake fails;
///   ``ValueError`` if the port is out of range, the limit is not positive, or the TLS parameters are not
///   valid; `CancellationError` if the task is cancelled, in which case nothing is left open.
///
/// asyncio: `asyncio.open_connection`.
public nonisolated(nonsending) func openConnection(
    host: String, port: Int, family: AddressFamily? = nil, localAddress: SocketAddress? = nil,
    happyEyeballsDelay: Duration? = nil, interleave: Int? = nil, allErrors: Bool = false,
    limit: Int = defaultStreamLimit, tls: TLSContext? = nil, serverHostname: String? = nil
) async throws -> (StreamReader, StreamWriter) {
    let loop = EventLoop.required(for: "openConnection")
    try checkLimit(limit)
    let upgrade = try TLSUpgrade.client(tls, host: host, serverHostname: serverHostname)
    let options = ConnectOptions(
        family: family, localAddress: localAddress, happyEyeballsDelay: happyEyeballsDelay, interleave: interleave,
        allErrors: allErrors)
    let connection = try await connect(host: host, port: port, options, on: loop)
    return try await streams(on: upgrade?(connection) ?? connection, limit: limit)
}

/// Connects to one of several known addresses, such as those of a service that runs on several hosts.
///
/// The other parameters are those of
/// ``openConnection(host:port:family:localAddress:happyEyeballsDelay:interleave:allErrors:limit:tls:serverHostname:)``.
///
/// - Parameter addresses: The addresses to try, in this order.
/// - Returns: A reader and a writer for the connection.
/// - Throws: ``OSError``, with what each address reported, if no address answers; ``ValueError`` if
///   `addresses` is empty or the limit is not positive; `CancellationError` if the task is cancelled, in
///   which case nothing is left open.
///
/// asyncio: none; the nearest is `asyncio.open_connection`.
public nonisolated(nonsending) func openConnection(
    to addresses: [SocketAddress], localAddress: SocketAddress? = nil, happyEyeballsDelay: Duration? = nil,
    interleave: Int? = nil, allErrors: Bool = false, limit: Int = defaultStreamLimit
) async throws -> (StreamReader, StreamWriter) {
    let loop = EventLoop.required(for: "openConnection")
    try checkLimit(limit)
    guard !addresses.isEmpty else { throw ValueError("addresses must not be empty") }
    let options = ConnectOptions(
        localAddress: localAddress, happyEyeballsDelay: happyEyeballsDelay, interleave: interleave,
        allErrors: allErrors)
    let target = addresses.map(\.description).joined(separator: ", ")
    return try await streams(
        on: connect(to: addresses.map(\.system), target, options, on: loop), limit: limit)
}

/// Opens a stream on a connected stream socket and takes ownership of the socket.
///
/// The socket is made non-blocking and is closed with the writer.
///
/// - Parameters:
///   - descriptor: The socket.
///   - limit: The maximum length of a line, in bytes.
///   - tls: A context to start TLS with, as a client, or `nil` for none.
///   - serverHostname: The name that the server's certificate must be valid for.
/// - Returns: A reader and a writer for the connection.
/// - Throws: ``ValueError`` if the descriptor is not a stream socket, the limit is not positive, or the TLS
///   parameters are not valid, and ``RuntimeError`` if this loop already uses the descriptor; in these cases
///   the socket remains yours. ``OSError`` or ``TLSError`` if the socket cannot be set up or the handshake
///   fails, and `CancellationError` if the task is cancelled during the handshake; in these cases the socket
///   is closed.
///
/// asyncio: `asyncio.open_connection(sock=)`.
public nonisolated(nonsending) func openConnection(
    socket descriptor: Int32, limit: Int = defaultStreamLimit, tls: TLSContext? = nil, serverHostname: String? = nil
) async throws -> (StreamReader, StreamWriter) {
    let loop = EventLoop.required(for: "openConnection")
    try checkLimit(limit)
    let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: serverHostname)
    let connection = try adoptConnectedSocket(descriptor, on: loop)
    return try await streams(on: upgrade?(connection) ?? connection, limit: limit)
}

/// Connects to a server on a Unix socket.
///
/// If the server's accept queue is full, this waits until there is room, as TCP does. Use
/// ``withTimeout(_:lateResult:isolation:fileID:line:_:)-(_,_,_,_,_,()->T)`` to limit the wait.
///
/// - Parameters:
///   - path: The path of the socket, or a zero character followed by a name in the abstract namespace.
///   - limit: The maximum length of a line, in bytes.
///   - tls: A context made with ``TLSContext/client(systemTrust:)`` to connect with TLS, or `nil` for none.
///   - serverHostname: The name that the server's certificate must be valid for.
/// - Returns: A reader and a writer for the connection.
/// - Throws: ``OSError`` if nothing listens there; ``TLSError`` if the handshake fails; ``ValueError`` if the
///   path is not valid, the limit is not positive, or the TLS parameters are not valid; `CancellationError`
///   if the task is cancelled, in which case nothing is left open.
///
/// asyncio: `asyncio.open_unix_connection`.
public nonisolated(nonsending) func openUnixConnection(
    path: some SystemStringConvertible, limit: Int = defaultStreamLimit, tls: TLSContext? = nil,
    serverHostname: String? = nil
) async throws -> (StreamReader, StreamWriter) {
    let loop = EventLoop.required(for: "openUnixConnection")
    try checkLimit(limit)
    let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: serverHostname)
    let address = try SocketAddress(path: path)
    let connection = try await connect(to: address.system, on: loop)
    return try await streams(on: upgrade?(connection) ?? connection, limit: limit)
}

func streams(on channel: ByteChannel, limit: Int) throws(ValueError) -> (StreamReader, StreamWriter) {
    let reader = try StreamReader(limit: limit, channel: channel)
    return (reader, StreamWriter(channel: channel, reader: reader))
}

func checkLimit(_ limit: Int) throws(ValueError) {
    guard limit > 0 else { throw ValueError("limit must be positive, got \(limit)") }
}

/// Makes a connection over an existing socket and takes ownership of it.
func adoptConnectedSocket(_ descriptor: Int32, on loop: EventLoop) throws -> Connection {
    try checkStreamSocket(descriptor, on: loop)
    let socket = try adoptSocket(descriptor)
    do {
        return try Connection(socket, on: loop, peer: nil)
    } catch {
        throw OSError(error, "watching descriptor \(descriptor)")
    }
}

/// - Throws: ``ValueError`` if the descriptor is not a stream socket; ``RuntimeError`` if the loop already
///   uses it.
func checkStreamSocket(_ descriptor: Int32, on loop: EventLoop) throws {
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
