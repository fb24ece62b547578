internal import AsyncIOSystem
internal import SystemPackage

// This file creates the sockets of servers. All sockets are bound here, and begin to listen when the server starts
// serving.

/// A listening socket of a server.
struct ListeningSocket {
    let socket: Socket
    /// The socket file to remove when the socket is closed.
    var file: (path: [CChar], identity: FileIdentity)?

    /// Closes the socket, and removes the socket file if the file still belongs to the socket.
    func close() {
        socket.close()
        removeFile()
    }

    func removeFile() {
        guard let file, FileIdentity(of: file.path) == file.identity else { return }
        try? FileIdentity.remove(file.path)
    }
}

/// Binds a socket for each address of each host. If the port is 0, all sockets use the port that the system chose for
/// the first socket.
///
/// - Throws: ``OSError``, whose message names the address, if an address cannot be bound. All sockets are closed before
///   the error is thrown. If the machine does not support the family of an address, the address is skipped, unless no
///   other address is left.
func bindSockets(
    hosts: [String?], port: Int, family: Endpoint.Family?, _ options: Socket.Options, on loop: EventLoop
) async throws -> [ListeningSocket] {
    let addresses = try await resolveToListen(
        on: hosts, port: port, family: family, isDualStack: options.dualStack, on: loop)
    return try bindAll(addresses) { address throws(Errno) in
        ListeningSocket(socket: try Socket.bound(to: address, options))
    } address: {
        $0.socket.localAddress
    }
}

/// Returns the addresses to listen on, without duplicates.
func resolveToListen(
    on hosts: [String?], port: Int, family: Endpoint.Family?, isDualStack: Bool, on loop: EventLoop
) async throws -> [SystemAddress] {
    let found =
        hosts.count == 1
        ? [try await loop.resolve(host: hosts[0], port: port, family: family, passive: true)]
        : try await gather(hosts) { host in
            try await loop.resolve(host: host, port: port, family: family, passive: true)
        }
    var addresses: [SystemAddress] = []
    for address in found.joined() where !addresses.contains(address) { addresses.append(address) }
    // A dual-stack socket replaces the separate IPv4 socket.
    if isDualStack, addresses.contains(where: { $0.isIPv6 && $0.isWildcard }) {
        addresses.removeAll { !$0.isIPv6 && $0.isWildcard }
    }
    if addresses.isEmpty {
        throw OSError(.addressNotAvailable, "listening: \(hosts.map { $0 ?? "any" }) has no available address")
    }
    return addresses
}

/// Binds a listener to each address.
///
/// - Throws: ``OSError``, whose message names the address, if an address cannot be bound. The listeners that were
///   already bound are released, which closes them.
func bindAll<Bound>(
    _ addresses: [SystemAddress], _ bind: (SystemAddress) throws(Errno) -> Bound, address: (Bound) -> SystemAddress?
) throws(OSError) -> [Bound] {
    var bound: [Bound] = []
    for (index, wanted) in addresses.enumerated() {
        var target = wanted
        // All addresses get the port that the system chose for the first one.
        if target.port == 0, let port = bound.first.flatMap({ address($0)?.port }) { target = target.with(port: port) }
        do {
            bound.append(try bind(target))
        } catch {
            let isFamilyMissing = error == .addressNotAvailable || error == .addressFamilyNotSupported
            let isLast = bound.isEmpty && index == addresses.count - 1
            if isFamilyMissing, addresses.count > 1, !isLast { continue }
            throw OSError(error, "listening on \(target.description)")
        }
    }
    return bound
}

/// Binds a Unix socket. An existing socket file is assumed to be left over from an earlier server, and is removed. If
/// another kind of file exists at the path, binding fails.
func bindUnixSocket(to address: Endpoint, cleansUp: Bool) throws -> ListeningSocket {
    let address = address.system
    if let path = address.path, FileIdentity(of: path)?.isSocket == true {
        try? FileIdentity.remove(path)
    }
    do {
        let socket = try Socket.bound(to: address, Socket.Options())
        var listener = ListeningSocket(socket: socket)
        if cleansUp, let path = address.path, let identity = FileIdentity(of: path) {
            listener.file = (path, identity)
        }
        return listener
    } catch {
        throw OSError(error, "listening on \(address.description)")
    }
}

/// Adopts sockets that were bound elsewhere. If any socket is not valid, no sockets are adopted.
func adoptListeners(_ descriptors: [Int32], on loop: EventLoop) throws -> [ListeningSocket] {
    guard !descriptors.isEmpty else { throw ValueError("a server needs at least one descriptor, got none") }
    guard Set(descriptors).count == descriptors.count else {
        throw ValueError("descriptors must not be listed twice, got \(descriptors)")
    }
    for descriptor in descriptors { try checkStreamSocket(descriptor, on: loop) }
    return try descriptors.map { ListeningSocket(socket: try adoptSocket($0)) }
}
