internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// Makes a socket for datagrams, UDP or Unix, for a protocol.
    ///
    /// - Parameters:
    ///   - localAddress: where it receives; nil for what the system chooses, when it first
    ///     sends. A Unix socket's file that is there already is replaced.
    ///   - remoteAddress: the peer: where everything goes, and from where alone it receives.
    ///   - family: if there is no address, the socket's family.
    ///   - reusePort: whether other sockets may receive at the same address, each with its share.
    ///   - allowBroadcast: whether it may send to a broadcast address; it then receives from
    ///     everybody.
    /// - Returns: the transport and its protocol, which was told already.
    /// - Throws: ``ValueError`` if the addresses are of two families, or neither they nor a
    ///   family are given; ``OSError`` if the system refuses.
    ///
    /// asyncio: `loop.create_datagram_endpoint`.
    public nonisolated(nonsending) func createDatagramEndpoint<P: DatagramProtocol>(
        localAddress: SocketAddress? = nil, remoteAddress: SocketAddress? = nil, family: AddressFamily? = nil,
        reusePort: Bool = false, allowBroadcast: Bool = false, _ factory: () throws -> P
    ) async throws -> (DatagramTransport, P) {
        try checkOpen("createDatagramEndpoint")
        let channel = try datagramChannel(
            local: localAddress?.system, remote: remoteAddress?.system, family: family, reusePort: reusePort,
            allowBroadcast: allowBroadcast)
        return try await makeTransport(channel, factory)
    }

    /// A transport over a datagram socket, which it owns from now on.
    ///
    /// - Throws: ``ValueError`` if the descriptor is no such socket: then it stays the caller's;
    ///   ``OSError``.
    ///
    /// asyncio: `loop.create_datagram_endpoint(sock=)`.
    public nonisolated(nonsending) func createDatagramEndpoint<P: DatagramProtocol>(
        socket descriptor: Int32, _ factory: () throws -> P
    ) async throws -> (DatagramTransport, P) {
        try checkOpen("createDatagramEndpoint")
        return try await makeTransport(try datagramChannel(adopting: descriptor), factory)
    }

    private nonisolated(nonsending) func makeTransport<P: DatagramProtocol>(
        _ channel: DatagramChannel, _ factory: () throws -> P
    ) async throws -> (DatagramTransport, P) {
        let receiver = try make(factory, for: channel)
        let transport = DatagramTransport(channel, receiver)
        try await transport.startAndWait()
        return (transport, receiver)
    }

    fileprivate func datagramChannel(adopting descriptor: Int32) throws -> DatagramChannel {
        try checkUnused(descriptor)
        let socket = Socket(owning: descriptor)
        guard socket.isDatagram else {
            _ = socket.giveUp()
            throw ValueError("a datagram socket was expected, and descriptor \(descriptor) is none")
        }
        do {
            try socket.prepare()
            let peer = socket.peerAddress
            return try DatagramChannel(socket, peer: peer, isConnected: peer != nil, on: self)
        } catch {
            throw OSError(error, "preparing descriptor \(descriptor)")
        }
    }

    fileprivate func datagramChannel(
        local: SystemAddress?, remote: SystemAddress?, family: AddressFamily?, reusePort: Bool, allowBroadcast: Bool
    ) throws -> DatagramChannel {
        if let local, let remote, local.family != remote.family {
            throw ValueError(
                "the addresses of a datagram socket must share a family, not \(local.familyName) and \(remote.familyName)"
            )
        }
        guard let address = local ?? remote ?? family.map(SystemAddress.init(wildcardOf:)) else {
            throw ValueError("a datagram socket needs a local address, a remote one, or a family")
        }
        if let family, address.family != family.system {
            throw ValueError("the address \(address.description) is not of the family \(family)")
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
            return try DatagramChannel(socket, peer: remote, isConnected: !allowBroadcast && remote != nil, on: self)
        } catch let error as Errno {
            throw OSError(error, "making a datagram socket")
        }
    }
}

extension SystemAddress {
    fileprivate init(wildcardOf family: AddressFamily) {
        self = Resolver.literal(family == .ipv4 ? "0.0.0.0" : "::", port: 0) ?? SystemAddress(bytes: [])
    }
}

/// Opens a socket for datagrams, UDP or Unix, for tasks.
///
/// - Parameters: as those of
///   ``EventLoop/createDatagramEndpoint(localAddress:remoteAddress:family:reusePort:allowBroadcast:_:)``.
/// - Throws: ``ValueError`` if the addresses are of two families, or neither they nor a family are
///   given; ``OSError`` if the system refuses.
public nonisolated(nonsending) func openDatagramSocket(
    localAddress: SocketAddress? = nil, remoteAddress: SocketAddress? = nil, family: AddressFamily? = nil,
    reusePort: Bool = false, allowBroadcast: Bool = false
) async throws -> DatagramSocket {
    let loop = EventLoop.required(for: "openDatagramSocket")
    return DatagramSocket(
        try loop.datagramChannel(
            local: localAddress?.system, remote: remoteAddress?.system, family: family, reusePort: reusePort,
            allowBroadcast: allowBroadcast))
}

/// A socket for datagrams that was made elsewhere, which this one owns from now on.
///
/// - Throws: ``ValueError`` if the descriptor is no such socket: then it stays the caller's;
///   ``OSError``.
public nonisolated(nonsending) func openDatagramSocket(socket descriptor: Int32) async throws -> DatagramSocket {
    DatagramSocket(try EventLoop.required(for: "openDatagramSocket").datagramChannel(adopting: descriptor))
}
