internal import AsyncIOSystem
internal import SystemPackage

// These are asyncio's loop methods that create transports. `factory` creates a protocol for each connection.

extension EventLoop {
    // MARK: Clients

    /// Connects to a TCP server, and creates a transport and a protocol for the connection.
    ///
    /// - Parameter factory: A closure that creates the protocol. If the closure throws an error, the connection is
    ///   closed. The other parameters are those of ``openConnection(host:port:tls:options:)``.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``OSError``, whose message includes the error for each address, if no address answers;
    ///   ``ResolveError`` if the host cannot be resolved; ``ValueError`` if the port is out of range or the TLS
    ///   parameters are not valid; ``TLSError`` if the handshake fails; ``RuntimeError`` if the loop is closed; any
    ///   error that `factory` throws; `CancellationError` if the task is cancelled. In all of these cases, no
    ///   connection is left open.
    ///
    /// asyncio: `loop.create_connection`.
    public func createConnection<P: TransportProtocol>(
        host: String, port: Int, tls: TLSContext? = nil, options: ConnectionOptions = ConnectionOptions(),
        _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try await createConnection(to: .tcp(host: host, port: port), tls: tls, options: options, factory)
    }

    /// Connects to any kind of target, and creates a transport and a protocol for the connection.
    ///
    /// - Parameter factory: A closure that creates the protocol. If the closure throws an error, the connection is
    ///   closed. The other parameters are those of ``openConnection(to:tls:options:)``.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: The same errors as ``openConnection(to:tls:options:)``, including `CancellationError`;
    ///   ``RuntimeError`` if the loop is closed; any error that `factory` throws, in which case a socket that you
    ///   passed is also closed.
    ///
    /// asyncio: `loop.create_connection`, `loop.create_unix_connection`.
    public func createConnection<P: TransportProtocol>(
        to target: ConnectionTarget, tls: TLSContext? = nil, options: ConnectionOptions = ConnectionOptions(),
        _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("createConnection")
        return try await makeTransport(target.open(tls: tls, options, on: self), factory)
    }

    /// Creates a transport and a protocol for a connection that was accepted elsewhere, and takes ownership
    /// of the socket.
    ///
    /// - Parameters:
    ///   - socket: The descriptor of the connected socket.
    ///   - tls: A server context for TLS, or `nil` for a connection without TLS.
    ///   - factory: A closure that creates the protocol. If the closure throws an error, the connection is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``ValueError`` if the descriptor is not a stream socket or the context is for a client;
    ///   ``RuntimeError`` if this loop already uses the descriptor or is closed. In these cases, you still own the
    ///   socket. ``OSError`` if a system call fails; ``TLSError`` if the handshake fails; any error that `factory`
    ///   throws; `CancellationError` if the task is cancelled. In these cases, the socket is closed.
    ///
    /// asyncio: `loop.connect_accepted_socket`.
    public func connectAcceptedSocket<P: TransportProtocol>(
        _ socket: some FileDescriptorConvertible, tls: TLSContext? = nil, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectAcceptedSocket")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        let connection = try adoptConnectedSocket(socket.number, on: self)
        return try await makeTransport(upgrade?(connection) ?? connection, factory)
    }

    // MARK: Pipes

    /// Creates a transport that reads from a pipe, a socket, or a terminal, and takes ownership of the
    /// descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor to read from.
    ///   - factory: A closure that creates the protocol. If the closure throws an error, the descriptor is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``ValueError`` if the descriptor is not a pipe, a socket, or a terminal; ``RuntimeError`` if this loop
    ///   already uses the descriptor or is closed. In these cases, you still own the descriptor. ``OSError`` if a
    ///   system call fails; any error that `factory` throws; `CancellationError` if the task is cancelled. In these
    ///   cases, the descriptor is closed.
    ///
    /// asyncio: `loop.connect_read_pipe`.
    public func connectReadPipe<P: TransportProtocol>(
        _ descriptor: some FileDescriptorConvertible, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectReadPipe")
        return try await makeTransport(pipe(descriptor.number, .reading), factory)
    }

    /// Creates a transport that writes to a pipe, a socket, or a terminal, and takes ownership of the descriptor. The
    /// transport is closed when no process can read from the other end anymore.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor to write to.
    ///   - factory: A closure that creates the protocol. If the closure throws an error, the descriptor is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: The same errors as ``connectReadPipe(_:_:)``, including `CancellationError`.
    ///
    /// asyncio: `loop.connect_write_pipe`.
    public func connectWritePipe<P: TransportProtocol>(
        _ descriptor: some FileDescriptorConvertible, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        try checkOpen("connectWritePipe")
        return try await makeTransport(pipe(descriptor.number, .writing), factory)
    }

    /// Returns a connection over an end of a pipe. If this method throws a ``ValueError`` or a ``RuntimeError``, the
    /// caller still owns the descriptor.
    func pipe(_ descriptor: Int32, _ direction: Connection.Direction) throws -> Connection {
        try checkReal("descriptor \(descriptor)")
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
        _ channel: ByteChannel, _ factory: () throws -> P
    ) async throws -> (Transport, P) {
        let receiver = try make(factory, for: channel)
        let transport = Transport(channel, receiver)
        try await transport.startAndWait()
        return (transport, receiver)
    }

    /// Creates the protocol for a channel. If the factory throws an error, the channel is aborted.
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
    /// - Parameter factory: A closure that creates the protocol for a connection. If the closure throws an error, the
    ///   connection is closed, and the loop's exception handler is called. The other parameters are those of
    ///   ``startServer(host:port:tls:options:isolation:fileID:line:_:)``.
    /// - Throws: ``OSError`` if the server cannot listen on an address (for example, because the address is already in
    ///   use); ``ResolveError`` if the host cannot be resolved; ``ValueError`` if the port is out of range or the
    ///   context is for a client; ``RuntimeError`` if the loop is closed; `CancellationError` if the task is cancelled
    ///   while a name is being resolved, in which case no socket is left open.
    ///
    /// asyncio: `loop.create_server`.
    public func createServer<P: TransportProtocol>(
        host: String? = .anyInterface, port: Int, tls: TLSContext? = nil, options: Server.Options = Server.Options(),
        _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try await createServer(on: .tcp(host: host, port: port), tls: tls, options: options, factory)
    }

    /// Starts a server on any kind of listener, and creates a protocol for each connection.
    ///
    /// This method suspends only to resolve names. If `listener` contains no names, cancellation has no effect.
    ///
    /// - Parameter factory: A closure that creates the protocol for a connection. If the closure throws an error, the
    ///   connection is closed, and the loop's exception handler is called. The other parameters are those of
    ///   ``startServer(on:tls:options:isolation:fileID:line:_:)``.
    /// - Throws: The same errors as ``startServer(on:tls:options:isolation:fileID:line:_:)``, including
    ///   `CancellationError`; ``RuntimeError`` if the loop is closed.
    ///
    /// asyncio: `loop.create_server`, `loop.create_unix_server`.
    public func createServer<P: TransportProtocol>(
        on listener: Server.Listener, tls: TLSContext? = nil, options: Server.Options = Server.Options(),
        _ factory: @escaping () throws -> P
    ) async throws -> Server {
        try checkOpen("createServer")
        let upgrade = try tls.map(TLSUpgrade.init(server:))
        let sockets = try await listener.bind(options, on: self)
        return try Server(sockets, on: self, options, isShared: listener.isShared) { connection, _ in
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
