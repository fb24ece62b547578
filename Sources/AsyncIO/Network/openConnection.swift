internal import AsyncIOSystem
internal import SystemPackage

/// Connects to a TCP server.
///
/// Tries the host's addresses one after the other until one answers; with
/// `happyEyeballsDelay`, side by side, so that an address that keeps silent costs no more
/// than that.
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
///   - host: a name, an IPv4 or an IPv6 address.
///   - family: which kind of addresses to try; nil for both.
///   - localAddress: where the connection comes from; nil for what the system chooses.
///   - happyEyeballsDelay: how long an address may keep silent before the next is tried
///     beside it (RFC 8305; 250 ms is its advice); nil to wait until it has failed.
///   - interleave: how many addresses of the first family come before families take turns; 0
///     for the resolver's order. nil for 1 with a `happyEyeballsDelay`, for 0 without.
///   - allErrors: whether the failure of several addresses is an ``ExceptionGroup`` of their
///     errors, and not one ``OSError`` that quotes them.
///   - limit: how long a line may be, in bytes.
///   - tls: for a connection with TLS: ``TLSContext/client(systemTrust:)``.
///   - serverHostname: the name that the server's certificate must be for, if that is not `host`.
/// - Throws: ``OSError`` if no address answers, with what each said; ``ResolveError``; with TLS,
///   ``TLSError`` if the server is not to be trusted, or refuses;
///   ``ValueError`` for a port that is none; `CancellationError`: nothing is left open.
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

/// Connects to one of several addresses that the caller knows: those of a service that runs in
/// many places, say.
///
/// - Parameters: as those of
///   ``openConnection(host:port:family:localAddress:happyEyeballsDelay:interleave:allErrors:limit:)``.
/// - Throws: ``OSError`` if no address answers, with what each said; ``ValueError`` if there is
///   none; `CancellationError`: nothing is left open.
public nonisolated(nonsending) func openConnection(
    to addresses: [SocketAddress], localAddress: SocketAddress? = nil, happyEyeballsDelay: Duration? = nil,
    interleave: Int? = nil, allErrors: Bool = false, limit: Int = defaultStreamLimit
) async throws -> (StreamReader, StreamWriter) {
    let loop = EventLoop.required(for: "openConnection")
    try checkLimit(limit)
    guard !addresses.isEmpty else { throw ValueError("openConnection() needs an address, and got none") }
    let options = ConnectOptions(
        localAddress: localAddress, happyEyeballsDelay: happyEyeballsDelay, interleave: interleave,
        allErrors: allErrors)
    let target = addresses.map(\.description).joined(separator: ", ")
    return try await streams(
        on: connect(to: addresses.map(\.system), target, options, on: loop), limit: limit)
}

/// A stream over a connected stream socket, which it owns from now on: it is made
/// non-blocking, and closed with the writer, and also if this throws.
///
/// - Parameters:
///   - tls: for a connection with TLS, which begins now.
///   - serverHostname: the name that the server's certificate must be for.
/// - Throws: ``ValueError`` if the descriptor is no such socket; ``OSError``; ``TLSError``.
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
/// If the server's queue of connections is full, waits until there is room, as TCP does. Set a limit with
/// ``withTimeout(_:lateResult:isolation:fileID:line:_:)-(_,_,_,_,_,()->T)`` if that must not take for ever.
///
/// - Parameters:
///   - path: of the socket; or a zero character and a name in the abstract space.
///   - tls: for a connection with TLS: ``TLSContext/client(systemTrust:)``.
///   - serverHostname: the name that the server's certificate must be for.
/// - Throws: ``OSError`` if nobody listens there; ``TLSError``; ``ValueError`` for a path that is
///   none; `CancellationError`: nothing is left open.
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
    guard limit > 0 else { throw ValueError("the limit of a stream must be positive, not \(limit)") }
}

/// A connection over somebody's socket, which is ours from now on.
func adoptConnectedSocket(_ descriptor: Int32, on loop: EventLoop) throws -> Connection {
    try checkStreamSocket(descriptor, on: loop)
    let socket = try adoptSocket(descriptor)
    do {
        return try Connection(socket, on: loop, peer: nil)
    } catch {
        throw OSError(error, "watching descriptor \(descriptor)")
    }
}

/// - Throws: ``ValueError`` unless it is a socket for streams; ``RuntimeError`` if the loop uses
///   it already.
func checkStreamSocket(_ descriptor: Int32, on loop: EventLoop) throws {
    try loop.checkUnused(descriptor)
    guard Socket(borrowing: descriptor).isStream else {
        throw ValueError("a stream socket was expected, and descriptor \(descriptor) is none")
    }
}

/// A socket that was checked: it is ours from now on.
func adoptSocket(_ descriptor: Int32) throws(OSError) -> Socket {
    let socket = Socket(owning: descriptor)
    do {
        try socket.prepare()
    } catch {
        throw OSError(error, "preparing descriptor \(descriptor)")
    }
    return socket
}
