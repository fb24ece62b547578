internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// Creates a UDP or Unix datagram socket, together with a transport and a protocol for the socket.
    ///
    /// - Parameters:
    ///   - localAddress: The address at which to receive datagrams, or `nil` to let the system choose an address when
    ///     the first datagram is sent. An existing socket file is replaced.
    ///   - remoteAddress: The address of the peer, or `nil` for no peer. If there is a peer, all datagrams are sent to
    ///     it, and datagrams from other senders are dropped.
    ///   - family: The address family of the socket, if neither address is given.
    ///   - reusePort: Whether other sockets can receive datagrams at the same address. The kernel distributes the
    ///     datagrams among the sockets.
    ///   - allowBroadcast: Whether the socket can send to a broadcast address. If this option is `true`, the socket is
    ///     not connected to the peer, and it receives datagrams from any sender.
    ///   - factory: A closure that creates the protocol. If the closure throws an error, the socket is closed.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: ``ValueError`` if the addresses and `family` do not match, or if neither an address nor a family is
    ///   given; ``OSError`` if the socket cannot be created; ``RuntimeError`` if the loop is closed; any error that
    ///   `factory` throws; `CancellationError` if the task is cancelled, in which case the socket is closed.
    ///
    /// asyncio: `loop.create_datagram_endpoint`.
    public func createDatagramEndpoint<P: DatagramProtocol>(
        localAddress: Endpoint? = nil, remoteAddress: Endpoint? = nil, family: Endpoint.Family? = nil,
        reusePort: Bool = false, allowBroadcast: Bool = false, _ factory: () throws -> P
    ) async throws -> (DatagramTransport, P) {
        try checkOpen("createDatagramEndpoint")
        let channel = try datagramChannel(
            local: localAddress?.system, remote: remoteAddress?.system, family: family, reusePort: reusePort,
            allowBroadcast: allowBroadcast)
        return try await makeTransport(channel, factory)
    }

    /// Creates a transport and a protocol for an existing datagram socket, and takes ownership of the socket.
    ///
    /// - Throws: ``ValueError`` if the descriptor is not a datagram socket; ``RuntimeError`` if this loop already uses
    ///   the descriptor or is closed. In both cases, you still own the descriptor. ``OSError`` if the socket cannot be
    ///   set up; any error that `factory` throws; `CancellationError` if the task is cancelled. In these cases, the
    ///   socket is closed.
    ///
    /// asyncio: `loop.create_datagram_endpoint(sock=)`.
    public func createDatagramEndpoint<P: DatagramProtocol>(
        socket: some FileDescriptorConvertible, _ factory: () throws -> P
    ) async throws -> (DatagramTransport, P) {
        try checkOpen("createDatagramEndpoint")
        return try await makeTransport(try datagramChannel(adopting: socket.number), factory)
    }

    private func makeTransport<P: DatagramProtocol>(
        _ channel: DatagramChannel, _ factory: () throws -> P
    ) async throws -> (DatagramTransport, P) {
        let receiver = try make(factory, for: channel)
        let transport = DatagramTransport(channel, receiver)
        try await transport.startAndWait()
        return (transport, receiver)
    }

    fileprivate func datagramChannel(adopting descriptor: Int32) throws -> DatagramChannel {
        try checkReal("descriptor \(descriptor)")
        try checkUnused(descriptor)
        let socket = Socket(owning: descriptor)
        guard socket.isDatagram else {
            _ = socket.giveUp()
            throw ValueError("expected a datagram socket, but descriptor \(descriptor) is not one")
        }
        do {
            try socket.prepare()
            let peer = socket.peerAddress
            return try SocketDatagramChannel(socket, peer: peer, isConnected: peer != nil, on: self)
        } catch {
            throw OSError(error, "preparing descriptor \(descriptor)")
        }
    }

    fileprivate func datagramChannel(
        local: SystemAddress?, remote: SystemAddress?, family: Endpoint.Family?, reusePort: Bool, allowBroadcast: Bool
    ) throws -> DatagramChannel {
        if let local, let remote, local.family != remote.family {
            throw ValueError(
                "a datagram socket's addresses must share a family, got \(local.familyName) and \(remote.familyName)"
            )
        }
        guard let address = local ?? remote ?? family.map(SystemAddress.init(wildcardOf:)) else {
            throw ValueError("a datagram socket needs a local address, a remote address or a family")
        }
        if let family, address.family != family.system {
            throw ValueError("the address \(address.description) does not belong to the family \(family)")
        }
        if let stack = networkStack {
            return try stack.datagrams(
                local: local, remote: remote, family: address.family, isConnected: remote != nil && !allowBroadcast)
        }
        do {
            let socket = try Socket(for: address, isDatagram: true)
            if reusePort { try socket.setReusePort() }
            if allowBroadcast { try socket.setBroadcast() }
            if let local {
                if let path = local.path, FileIdentity(of: path)?.isSocket == true { try? FileIdentity.remove(path) }
                do { try socket.bind(to: local) } catch { throw OSError(error, "binding to \(local.description)") }
            }
            if let remote, !allowBroadcast {
                do { _ = try socket.connect(to: remote) } catch {
                    throw OSError(error, "connecting to \(remote.description)")
                }
            }
            return try SocketDatagramChannel(
                socket, peer: remote, isConnected: !allowBroadcast && remote != nil, on: self)
        } catch let error as Errno {
            throw OSError(error, "creating a datagram socket")
        }
    }
}

extension SystemAddress {
    fileprivate init(wildcardOf family: Endpoint.Family) {
        self = Resolver.literal(family == .ipv4 ? "0.0.0.0" : "::", port: 0) ?? SystemAddress(bytes: [])
    }
}

/// Opens a UDP or Unix datagram socket.
///
/// The parameters are those of
/// ``EventLoop/createDatagramEndpoint(localAddress:remoteAddress:family:reusePort:allowBroadcast:_:)``. This function
/// does not suspend, so cancellation has no effect.
///
/// - Throws: ``ValueError`` if the addresses and `family` do not match, or if neither an address nor a family is given;
///   ``OSError`` if the socket cannot be created.
///
/// asyncio: none; the closest equivalent is `loop.create_datagram_endpoint`.
public func openDatagramSocket(
    localAddress: Endpoint? = nil, remoteAddress: Endpoint? = nil, family: Endpoint.Family? = nil,
    reusePort: Bool = false, allowBroadcast: Bool = false
) async throws -> DatagramSocket {
    let loop = EventLoop.required(for: "openDatagramSocket")
    return DatagramSocket(
        try loop.datagramChannel(
            local: localAddress?.system, remote: remoteAddress?.system, family: family, reusePort: reusePort,
            allowBroadcast: allowBroadcast))
}

/// Creates a ``DatagramSocket`` from an existing datagram socket, and takes ownership of the existing socket.
///
/// This function does not suspend, so cancellation has no effect.
///
/// - Throws: ``ValueError`` if the descriptor is not a datagram socket; ``RuntimeError`` if this loop already uses the
///   descriptor. In both cases, you still own the descriptor. ``OSError`` if the socket cannot be set up.
///
/// asyncio: none; the closest equivalent is `loop.create_datagram_endpoint(sock=)`.
public func openDatagramSocket(socket: some FileDescriptorConvertible) async throws -> DatagramSocket {
    DatagramSocket(try EventLoop.required(for: "openDatagramSocket").datagramChannel(adopting: socket.number))
}
