internal import AsyncIOSystem
internal import SystemPackage

// asyncio's loop methods that create transports. `factory` creates the protocol, once for each connection.

extension EventLoop {
    // MARK: Clients

    /// Connects to a TCP server, with a transport and a protocol.
    ///
    /// - Parameter factory: Creates the protocol. If it throws, the connection is closed. The other parameters are
    ///   those of
    ///   ``openConnection(host:port:family:localAddress:happyEyeballsDelay:interleave:allErrors:limit:tls:serverHostname:)``.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``OSError``, with what each address reported, if no address answers; ``ResolveError`` if the
    ///   host cannot be resolved; ``ValueError`` if the port is out of range or the TLS parameters are not
    ///   valid; ``TLSError`` if the handshake fails; ``RuntimeError`` if the loop is closed; what `factory`
    ///   throws; `CancellationError` if the task is cancelled. In all cases, nothing is left open.
    ///
    /// asyncio: `loop.create_connection`.
    public func createConnection<P: TransportProtocol>(
        host: String, port: Int, family: Endpoint.Family? = nil, localAddress: Endpoint? = nil,
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

    /// Creates a transport and a protocol for a connected stream socket, and takes ownership of the socket.
    ///
    /// - Parameters:
    ///   - descriptor: The socket.
    ///   - tls: A context to start TLS with, as a client, or `nil` for none.
    ///   - serverHostname: The name that the server's certificate must be valid for.
    ///   - factory: Creates the protocol. If it throws, the connection is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``ValueError`` if the descriptor is not a stream socket or the TLS parameters are not valid,
    ///   and ``RuntimeError`` if this loop already uses the descriptor or is closed; in these cases the
    ///   socket remains yours. ``OSError``, ``TLSError``, what `factory` throws, and `CancellationError` if
    ///   the task is cancelled; in these cases the socket is closed.
    ///
    /// asyncio: `loop.create_connection(sock=)`.
    public func createConnection<P: TransportProtocol>(
        socket descriptor: Int32, tls: TLSContext? = nil, serverHostname: String? = nil, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("createConnection")
        let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: serverHostname)
        return try await makeTransport(adoptConnectedSocket(descriptor, on: self), upgrade, factory)
    }

    /// Connects to a server on a Unix socket, with a transport and a protocol.
    ///
    /// - Parameters:
    ///   - path: The path of the socket, or a zero character followed by a name in the abstract namespace.
    ///   - tls: A context made with ``TLSContext/client(systemTrust:)`` to connect with TLS, or `nil` for
    ///     none.
    ///   - serverHostname: The name that the server's certificate must be valid for.
    ///   - factory: Creates the protocol. If it throws, the connection is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: The same errors as ``openUnixConnection(path:limit:tls:serverHostname:)``, including
    ///   `CancellationError`; ``RuntimeError`` if the loop is closed; what `factory` throws.
    ///
    /// asyncio: `loop.create_unix_connection`.
    public func createUnixConnection<P: TransportProtocol>(
        path: some SystemStringConvertible, tls: TLSContext? = nil, serverHostname: String? = nil,
        _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("createUnixConnection")
        let upgrade = try TLSUpgrade.client(tls, host: nil, serverHostname: serverHostname)
        let address = try Endpoint(path: path)
        return try await makeTransport(try await connect(to: address.system, on: self), upgrade, factory)
    }

    /// Creates a transport and a protocol for a connection that was accepted elsewhere, and takes ownership
    /// of the socket.
    ///
    /// - Parameters:
    ///   - descriptor: The socket.
    ///   - tls: A server's context to start TLS with, or `nil` for none.
    ///   - factory: Creates the protocol. If it throws, the connection is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: The same errors as ``createConnection(socket:tls:serverHostname:_:)``, including
    ///   `CancellationError`.
    ///
    /// asyncio: `loop.connect_accepted_socket`.
    public func connectAcceptedSocket<P: TransportProtocol>(
        _ descriptor: Int32, tls: TLSContext? = nil, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectAcceptedSocket")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        return try await makeTransport(adoptConnectedSocket(descriptor, on: self), upgrade, factory)
    }

    // MARK: Pipes

    /// Creates a transport that reads from a pipe, a socket or a terminal, and takes ownership of the
    /// descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor to read from.
    ///   - factory: Creates the protocol. If it throws, the descriptor is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``ValueError`` if the descriptor is something else, and ``RuntimeError`` if this loop
    ///   already uses it or is closed; in these cases it remains yours. ``OSError``, what `factory` throws,
    ///   and `CancellationError` if the task is cancelled; in these cases the descriptor is closed.
    ///
    /// asyncio: `loop.connect_read_pipe`.
    public func connectReadPipe<P: TransportProtocol>(
        _ descriptor: Int32, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectReadPipe")
        return try await makeTransport(pipe(descriptor, .reading), nil, factory)
    }

    /// Creates a transport that writes to a pipe, a socket or a terminal, and takes ownership of the
    /// descriptor. The transport closes when nobody reads anymore.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor to write to.
    ///   - factory: Creates the protocol. If it throws, the descriptor is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: The same errors as ``connectReadPipe(_:_:)``, including `CancellationError`.
    ///
    /// asyncio: `loop.connect_write_pipe`.
    public func connectWritePipe<P: TransportProtocol>(
        _ descriptor: Int32, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectWritePipe")
        return try await makeTransport(pipe(descriptor, .writing), nil, factory)
    }

    /// Returns a connection over an end of a pipe. The descriptor stays the caller's if this throws a
    /// ``ValueError`` or a ``RuntimeError``.
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

    private func makeTransport<P: TransportProtocol>(
        _ connection: ByteChannel, _ upgrade: TLSUpgrade?, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        let channel = try await upgrade?(connection) ?? connection
        let receiver = try make(factory, for: channel)
        let transport = Transport(channel, receiver)
        try await transport.startAndWait()
        return (transport, receiver)
    }

    /// Returns the protocol for a channel. If the factory throws, the channel is aborted.
    func make<P>(_ factory: () throws -> P, for channel: Channel) throws -> P {
        do {
            return try factory()
        } catch {
            channel.abort()
            throw error
        }
    }

    // MARK: Servers

    /// Starts a TCP server that creates a protocol for each connection.
    ///
    /// - Parameter factory: Creates the protocol of a connection. If it throws, the connection is closed and the
    ///   error goes to the exception handler. The other parameters are those of
    ///   ``startServer(host:port:family:backlog:limit:reuseAddress:reusePort:keepAlive:noDelay:dualStack:startServing:tls:isolation:fileID:line:_:)``.
    /// - Throws: ``OSError`` if the server cannot listen on an address (already in use or not permitted);
    ///   ``ResolveError`` if the host cannot be resolved; ``ValueError`` if the port is out of range or the
    ///   context is a client's; ``RuntimeError`` if the loop is closed; `CancellationError` if the task is
    ///   cancelled while a name is resolved, in which case nothing is left open.
    ///
    /// asyncio: `loop.create_server`.
    public func createServer<P: TransportProtocol>(
        host: String?, port: Int, family: Endpoint.Family? = nil, backlog: Int = 100, reuseAddress: Bool = true,
        reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true, dualStack: Bool = false,
        startServing: Bool = true, tls: TLSContext? = nil, _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try await createServer(
            hosts: [host], port: port, family: family, backlog: backlog, reuseAddress: reuseAddress,
            reusePort: reusePort, keepAlive: keepAlive, noDelay: noDelay, dualStack: dualStack,
            startServing: startServing, tls: tls, factory)
    }

    /// Starts a TCP server on several hosts. An address that several of them share is listened on once.
    ///
    /// - Throws: The same errors as
    ///   ``createServer(host:port:family:backlog:reuseAddress:reusePort:keepAlive:noDelay:dualStack:startServing:tls:_:)``,
    ///   including `CancellationError`.
    ///
    /// asyncio: `loop.create_server`, given a sequence of hosts.
    public func createServer<P: TransportProtocol>(
        hosts: [String?], port: Int, family: Endpoint.Family? = nil, backlog: Int = 100, reuseAddress: Bool = true,
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

    /// Starts a server on sockets that are already bound, and takes ownership of them. This method does not
    /// suspend, so cancellation has no effect on it.
    ///
    /// - Throws: ``ValueError`` if a descriptor is not a stream socket, is listed twice, or there are none;
    ///   ``RuntimeError`` if this loop already uses one of them or is closed; ``OSError`` if the system
    ///   refuses to listen.
    ///
    /// asyncio: `loop.create_server(sock=)`.
    public func createServer<P: TransportProtocol>(
        descriptors: [Int32], backlog: Int = 100, startServing: Bool = true, tls: TLSContext? = nil,
        _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try checkOpen("createServer")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        return try makeServer(
            adoptListeners(descriptors, on: self), backlog: backlog, startServing: startServing, upgrade, factory)
    }

    /// Starts a server on a Unix socket that creates a protocol for each connection. This method does not
    /// suspend, so cancellation has no effect on it.
    ///
    /// - Parameter factory: Creates the protocol of a connection. If it throws, the connection is closed and the
    ///   error goes to the exception handler. The other parameters are those of
    ///   ``startUnixServer(path:backlog:limit:cleanupSocket:startServing:tls:isolation:fileID:line:_:)``.
    /// - Throws: ``OSError``, which names the path, if the server cannot listen there; ``ValueError`` if the
    ///   path is not valid or the context is a client's; ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.create_unix_server`.
    public func createUnixServer<P: TransportProtocol>(
        path: some SystemStringConvertible, backlog: Int = 100, cleanupSocket: Bool = true, startServing: Bool = true,
        tls: TLSContext? = nil, _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try checkOpen("createUnixServer")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        let listener = try bindUnixListener(to: Endpoint(path: path), cleansUp: cleanupSocket)
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
        Transport(channel, try factory()).start(completing: nil)
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
