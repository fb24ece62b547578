internal import AsyncIOSystem
internal import SystemPackage

// Where servers get their sockets from. All of them are bound here and listen when the
// server starts to serve.

/// A server's socket.
struct Listener {
    let socket: Socket
    /// The file of a Unix socket that is to be removed with it.
    var file: (path: [CChar], identity: FileIdentity)?

    /// The file is removed if it is still the socket's own.
    func close() {
        socket.close()
        removeFile()
    }

    func removeFile() {
        guard let file, FileIdentity(of: file.path) == file.identity else { return }
        try? FileIdentity.remove(file.path)
    }
}

/// A socket for each address of each host. With port 0, the first one's port is used for all.
///
/// - Throws: ``OSError`` with the address, after closing all; but not for a family that the
///   machine does not have, as long as something is left.
nonisolated(nonsending) func bindListeners(
    hosts: [String?], port: Int, family: AddressFamily?, _ options: Socket.Options, on loop: EventLoop
) async throws -> [Listener] {
    let found =
        hosts.count == 1
        ? [try await loop.resolve(host: hosts[0], port: port, family: family, passive: true)]
        : try await gather(hosts) { host in
            try await loop.resolve(host: host, port: port, family: family, passive: true)
        }
    var addresses: [SystemAddress] = []
    for address in found.joined() where !addresses.contains(address) { addresses.append(address) }
    // One socket for both families takes the place of IPv4's own.
    if options.dualStack, addresses.contains(where: { $0.isIPv6 && $0.isWildcard }) {
        addresses.removeAll { !$0.isIPv6 && $0.isWildcard }
    }

    var sockets: [Socket] = []
    for address in addresses {
        let target = address.port == 0 ? address.with(port: sockets.first?.localAddress?.port ?? 0) : address
        do {
            sockets.append(try Socket.bound(to: target, options))
        } catch {
            let isFamilyMissing = error == .addressNotAvailable || error == .addressFamilyNotSupported
            if isFamilyMissing, addresses.count > 1 { continue }
            throw OSError(error, "listening on \(target.description)")
        }
    }
    guard !sockets.isEmpty else {
        throw OSError(.addressNotAvailable, "listening: no address of \(hosts.map { $0 ?? "any" }) is available")
    }
    return sockets.map { Listener(socket: $0) }
}

/// A Unix socket. A socket file that is there already is taken for one that a server left
/// behind, and removed; any other file is an error.
func bindUnixListener(to address: SocketAddress, cleansUp: Bool) throws -> Listener {
    let address = address.system
    if let path = address.path, FileIdentity(of: path)?.isSocket == true {
        try? FileIdentity.remove(path)
    }
    do {
        let socket = try Socket.bound(to: address, Socket.Options())
        var listener = Listener(socket: socket)
        if cleansUp, let path = address.path, let identity = FileIdentity(of: path) {
            listener.file = (path, identity)
        }
        return listener
    } catch {
        throw OSError(error, "listening on \(address.description)")
    }
}

/// Sockets that somebody else has bound: all of them, or none if one is not good.
func adoptListeners(_ descriptors: [Int32], on loop: EventLoop) throws -> [Listener] {
    guard !descriptors.isEmpty else { throw ValueError("a server needs a descriptor to listen on, and got none") }
    guard Set(descriptors).count == descriptors.count else {
        throw ValueError("a server listens on each descriptor once, and got \(descriptors)")
    }
    for descriptor in descriptors { try checkStreamSocket(descriptor, on: loop) }
    return try descriptors.map { Listener(socket: try adoptSocket($0)) }
}

/// The sockets that systemd, or whoever speaks its protocol, has opened for this process:
/// for `startServer(descriptors:)`. None if the process was not started so, or another call
/// took them.
///
/// It looks at `LISTEN_PID` and `LISTEN_FDS`, makes the descriptors close-on-exec and removes
/// the variables, so that no child takes them for its own.
///
/// sd_listen_fds(3).
public func takeSystemdSockets() -> [Int32] { ActivationSockets.take() }
