internal import AsyncIOSystem
internal import SystemPackage

// asyncio's calls of the loop that make transports. `factory` makes the protocol, once for
// each connection.

extension EventLoop {
    // MARK: Clients

    /// Connects to a TCP server, for a protocol.
    ///
    /// - Parameters: as those of ``openConnection(host:port:family:localAddress:happyEyeballsDelay:interleave:allErrors:limit:tls:serverHostname:)``.
    /// - Returns: the transport and its protocol, which was told already.
    /// - Throws: ``OSError`` if no address answers, with what each said; ``ResolveError``;
    ///   ``ValueError`` for a port that is none; ``TLSError`` if the handshake fails;
    ///   `CancellationError`. Nothing is left open.
    ///
    /// asyncio: `loop.create_connection`.
    public nonisolated(nonsending) func createConnection<P: TransportProtocol>(
        host: String, port: Int, family: AddressFamily? = nil, localAddress: SocketAddress? = nil,
        happyEyeballsDelay: Duration? = nil, interleave: Int? = nil, allErrors: Bool = false,
        tls: TLSContext? = nil, serverHostname: String? = nil, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("createConnection")
        let upgrade = try TLSUpgrade.client(tls, host: host, serverHostname: serverHostname)
        let options = ConnectOptions(
            family: family, localAddress: localAddress, happyEyeballsDelay: happyEyeballsDelay,
            interleave: interleave, allErrors: allErrors)
        return try await makeTransport(try await connect(host: host, port: port, options, on: self), upgrade, factory)
    }

    /// A transport over a connected stream socket, which it owns from now on.
    ///
    /// - Throws: ``ValueError`` if the descriptor is no such socket; ``OSError``.
    ///
    /// asyncio: `loop.create_connection(sock=)`.
    public nonisolated(nonsending) func createConnection<P: TransportProtocol>(
        socket descriptor: Int32, tls: TLSContext? = nil, serverHostname: String? = nil, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("createConnection")
        let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: serverHostname)
        return try await makeTransport(adoptConnectedSocket(descriptor, on: self), upgrade, factory)
    }

    /// Connects to a server on a Unix socket, for a protocol.
    ///
    /// - Parameter path: of the socket; or a zero character and a name in the abstract space.
    /// - Throws: as ``openUnixConnection(path:limit:tls:serverHostname:)``.
    ///
    /// asyncio: `loop.create_unix_connection`.
    public nonisolated(nonsending) func createUnixConnection<P: TransportProtocol>(
        path: some SystemStringConvertible, tls: TLSContext? = nil, serverHostname: String? = nil,
        _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("createUnixConnection")
        let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: serverHostname)
        let address = try SocketAddress(path: path)
        return try await makeTransport(try await connect(to: address.system, on: self), upgrade, factory)
    }

    /// A transport over a socket that somebody else has accepted, which it owns from now on.
    ///
    /// - Throws: ``ValueError`` if the descriptor is no stream socket; ``OSError``.
    ///
    /// asyncio: `loop.connect_accepted_socket`.
    public nonisolated(nonsending) func connectAcceptedSocket<P: TransportProtocol>(
        _ descriptor: Int32, tls: TLSContext? = nil, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectAcceptedSocket")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        return try await makeTransport(adoptConnectedSocket(descriptor, on: self), upgrade, factory)
    }

    // MARK: Pipes

    /// A transport that reads from a pipe, a socket or a terminal, which it owns from now on.
    ///
    /// - Throws: ``ValueError`` if the descriptor is none of these: then it stays the caller's;
    ///   ``OSError``.
    ///
    /// asyncio: `loop.connect_read_pipe`.
    public nonisolated(nonsending) func connectReadPipe<P: TransportProtocol>(
        _ descriptor: Int32, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectReadPipe")
        return try await makeTransport(pipe(descriptor, .reading), nil, factory)
    }

    /// A transport that writes to a pipe, a socket or a terminal, which it owns from now on. It
    /// ends when nobody reads any more.
    ///
    /// - Throws: as ``connectReadPipe(_:_:)``.
    ///
    /// asyncio: `loop.connect_write_pipe`.
    public nonisolated(nonsending) func connectWritePipe<P: TransportProtocol>(
        _ descriptor: Int32, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectWritePipe")
        return try await makeTransport(pipe(descriptor, .writing), nil, factory)
    }

    /// The end of a pipe; the descriptor stays the caller's if this throws a ``ValueError`` or a
    /// ``RuntimeError``.
    func pipe(_ descriptor: Int32, _ direction: Connection.Direction) throws -> Connection {
        try checkUnused(descriptor)
        let pipe = ByteDescriptor(owning: descriptor)
        do {
            return try Connection(pipe: pipe, direction, on: self)
        } catch let error as ValueError {
            _ = pipe.giveUp()
            throw error
        }
    }

    private nonisolated(nonsending) func makeTransport<P: TransportProtocol>(
        _ connection: ByteChannel, _ upgrade: TLSUpgrade?, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        let channel = try await upgrade?(connection) ?? connection
        let receiver = try make(factory, for: channel)
        let transport = Transport(channel, receiver)
        try await transport.startAndWait()
        return (transport, receiver)
    }

    /// The protocol for a channel, which ends if there is none.
    func make<P>(_ factory: () throws -> P, for channel: Channel) throws -> P {
        do {
            return try factory()
        } catch {
            channel.abort()
            throw error
        }
    }

    // MARK: Servers

    /// Starts a TCP server, with a protocol for each connection.
    ///
    /// - Parameters: as those of ``startServer(host:port:family:backlog:limit:reuseAddress:reusePort:keepAlive:noDelay:dualStack:startServing:tls:isolation:fileID:line:_:)``.
    /// - Throws: ``OSError`` if an address cannot be listened on (in use, not permitted);
    ///   ``ResolveError``; ``ValueError`` for a port that is none.
    ///
    /// asyncio: `loop.create_server`.
    public nonisolated(nonsending) func createServer<P: TransportProtocol>(
        host: String?, port: Int, family: AddressFamily? = nil, backlog: Int = 100, reuseAddress: Bool = true,
        reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true, dualStack: Bool = false,
        startServing: Bool = true, tls: TLSContext? = nil, _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try await createServer(
            hosts: [host], port: port, family: family, backlog: backlog, reuseAddress: reuseAddress,
            reusePort: reusePort, keepAlive: keepAlive, noDelay: noDelay, dualStack: dualStack,
            startServing: startServing, tls: tls, factory)
    }

    /// Starts a TCP server on several hosts; each address is listened on once.
    ///
    /// asyncio: `loop.create_server`, given a sequence of hosts.
    public nonisolated(nonsending) func createServer<P: TransportProtocol>(
        hosts: [String?], port: Int, family: AddressFamily? = nil, backlog: Int = 100, reuseAddress: Bool = true,
        reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true, dualStack: Bool = false,
        startServing: Bool = true, tls: TLSContext? = nil, _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try checkOpen("createServer")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        let options = Socket.Options(
            reuseAddress: reuseAddress, reusePort: reusePort, keepAlive: keepAlive, noDelay: noDelay,
            dualStack: dualStack)
        let listeners = try await bindListeners(hosts: hosts, port: port, family: family, options, on: self)
        return try makeServer(listeners, backlog: backlog, startServing: startServing, upgrade, factory)
    }

    /// Starts a server on sockets that are bound already; it owns them from now on.
    ///
    /// - Throws: ``ValueError`` if one is no stream socket, or there are none; ``OSError``.
    ///
    /// asyncio: `loop.create_server(sock=)`.
    public nonisolated(nonsending) func createServer<P: TransportProtocol>(
        descriptors: [Int32], backlog: Int = 100, startServing: Bool = true, tls: TLSContext? = nil,
        _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try checkOpen("createServer")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        return try makeServer(
            adoptListeners(descriptors, on: self), backlog: backlog, startServing: startServing, upgrade, factory)
    }

    /// Starts a server on a Unix socket, with a protocol for each connection.
    ///
    /// - Parameters: as those of ``startUnixServer(path:backlog:limit:cleanupSocket:startServing:tls:isolation:fileID:line:_:)``.
    /// - Throws: ``OSError`` with the path; ``ValueError`` for a path that is none.
    ///
    /// asyncio: `loop.create_unix_server`.
    public nonisolated(nonsending) func createUnixServer<P: TransportProtocol>(
        path: some SystemStringConvertible, backlog: Int = 100, cleanupSocket: Bool = true, startServing: Bool = true,
        tls: TLSContext? = nil, _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try checkOpen("createUnixServer")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        let listener = try bindUnixListener(to: SocketAddress(path: path), cleansUp: cleanupSocket)
        return try makeServer([listener], backlog: backlog, startServing: startServing, upgrade, factory)
    }

    private func makeServer<P: TransportProtocol>(
        _ listeners: [Listener], backlog: Int, startServing: Bool, _ upgrade: TLSUpgrade?,
        _ factory: @escaping () throws -> P
    ) throws -> Server {
        try Server(listeners, on: self, backlog: backlog, startServing: startServing) { connection in
            do {
                guard let upgrade else {
                    startTransport(over: connection, factory)
                    return nil
                }
                let channel = try upgrade.begin(over: connection)
                channel.startHandshake {
                    do {
                        try channel.checkHandshake()
                        startTransport(over: channel, factory)
                    } catch {
                        noteHandshakeFailure(error, of: channel)
                    }
                }
            } catch {
                reportFailure(error, of: connection)
            }
            return nil
        }
    }
}

private func startTransport<P: TransportProtocol>(over channel: ByteChannel, _ factory: () throws -> P) {
    do {
        Transport(channel, try factory()).start()
    } catch {
        reportFailure(error, of: channel)
    }
}

private func reportFailure(_ error: any Error, of channel: ByteChannel) {
    channel.abort()
    channel.loop.callExceptionHandler(
        ExceptionContext(
            message: "Error on transport creation for incoming connection", error: error, subject: channel.name))
}
