/// The target of a connection: a host, known addresses, a Unix socket, or a socket that is already connected.
///
/// asyncio: `host=`, `port=`, `path=`, and `sock=` of `open_connection` and similar functions.
public struct ConnectionTarget: Sendable {
    private enum Place {
        case host(String, port: Int)
        case addresses([Endpoint])
        case unix(path: SystemString)
        case socket(Int32)
    }

    private let place: Place

    /// A TCP server.
    ///
    /// - Parameters:
    ///   - host: A host name, an IPv4 address, or an IPv6 address.
    ///   - port: The port.
    public static func tcp(host: String, port: Int) -> ConnectionTarget {
        ConnectionTarget(place: .host(host, port: port))
    }

    /// One of several known addresses, such as the addresses of a service that runs on several hosts. The addresses are
    /// tried in the given order. To use TLS, set ``ConnectionOptions/serverHostname``.
    public static func addresses(_ addresses: [Endpoint]) -> ConnectionTarget {
        ConnectionTarget(place: .addresses(addresses))
    }

    /// A server on a Unix socket. If the server's accept queue is full, the connection attempt waits until the queue
    /// has room, as with TCP. To use TLS, set ``ConnectionOptions/serverHostname``.
    ///
    /// - Parameter path: The path of the socket, or a zero character followed by a name in the abstract namespace.
    public static func unix(path: some SystemStringConvertible) -> ConnectionTarget {
        ConnectionTarget(place: .unix(path: path.systemString))
    }

    /// A connected stream socket. The connection takes ownership of the socket, makes it non-blocking, and closes it
    /// when the connection ends. To use TLS, set ``ConnectionOptions/serverHostname``.
    public static func socket(_ socket: some FileDescriptorConvertible) -> ConnectionTarget {
        ConnectionTarget(place: .socket(socket.number))
    }

    /// Connects, and performs the TLS handshake if `tls` is not nil.
    func open(tls: TLSContext?, _ options: ConnectionOptions, on loop: EventLoop) async throws -> ByteChannel {
        var host: String?
        if case .host(let name, _) = place { host = name }
        let upgrade = try TLSUpgrade.client(tls, host: host, serverHostname: options.serverHostname)
        let connection = try await connection(options, on: loop)
        return try await upgrade?(connection) ?? connection
    }

    private func connection(_ options: ConnectionOptions, on loop: EventLoop) async throws -> ByteChannel {
        switch place {
        case .host(let host, let port):
            return try await connect(host: host, port: port, options, on: loop)
        case .addresses(let addresses):
            guard !addresses.isEmpty else { throw ValueError("addresses must not be empty") }
            let target = addresses.map(\.description).joined(separator: ", ")
            return try await connect(to: addresses.map(\.system), target, options, on: loop)
        case .unix(let path): return try await connect(to: Endpoint(path: path).system, on: loop)
        case .socket(let descriptor): return try adoptConnectedSocket(descriptor, on: loop)
        }
    }
}
