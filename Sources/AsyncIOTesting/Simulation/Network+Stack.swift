package import AsyncIO
package import AsyncIOSystem
package import SystemPackage

// Functions that use the network call these methods instead of the system; see NetworkStack.

extension Network: NetworkStack {
    // MARK: Names

    package func addresses(
        of name: String?, port: Int, family: Int32?, isPassive: Bool
    ) async throws -> [SystemAddress] {
        var found: [SystemAddress]
        switch name {
        case nil where isPassive: found = Self.wildcards
        case nil, "localhost": found = Self.loopbacks
        case let name?:
            try await sleep(route(from: currentHost, to: currentHost).duration(&random))
            guard let addresses = addresses(of: name) else {
                throw ResolveError(host: name, reason: "Name or service not known")
            }
            found = addresses
        }
        if let family { found.removeAll { $0.family != family } }
        if found.isEmpty {
            throw ResolveError(host: name ?? "", reason: "Address family for hostname not supported")
        }
        return found.map { $0.with(port: port) }
    }

    private static let wildcards = [4, 16].compactMap { SystemAddress(host: Array(repeating: 0, count: $0)) }
    private static let loopbacks = [[127, 0, 0, 1], Array(repeating: 0, count: 15) + [1]]
        .compactMap { SystemAddress(host: $0) }

    package func name(of address: SystemAddress) -> String? {
        address.isLoopback ? "localhost" : host(at: address, from: currentHost)?.name
    }

    // MARK: Connecting

    package func connect(to address: SystemAddress, from local: SystemAddress?) async throws -> ByteChannel {
        let run = currentRun
        await waitForever(if: run.isDead)
        let client = run.host
        guard let server = host(at: address, from: client) else {
            throw OSError(.noRouteToHost, "connecting to \(address.description)")
        }
        if let local, !client.has(local) {
            throw OSError(.addressNotAvailable, "binding to the local address \(local.description)")
        }
        let number = nextConnectionNumber()
        record(.connects, client, server, number)
        let there = route(from: client, to: server)
        let back = route(from: server, to: client)
        // A request is repeated if it is lost or if the queue of the server is full, as on Linux.
        for attempt in 0..<7 {
            let pause = Duration.seconds(1 << attempt)
            let sentAt = now
            if try await arrives(over: there) {
                switch arrival(at: address, of: server) {
                case .refused:
                    try await sleep(back.duration(&random))
                    if back.isCut { break }
                    record(.refused, server, client, number)
                    throw OSError(
                        address.isUnix && server.listeners[address] == nil
                            ? .noSuchFileOrDirectory : .connectionRefused,
                        "connecting to \(address.description)")
                case .full: break
                case .accepted(let listener):
                    if back.isCut || random.happens(back.settings.loss) { break }
                    return try await establish(number, from: client, run, local, to: listener, at: address)
                }
            }
            try await sleep(max(.zero, pause - .nanoseconds(now - sentAt)))
        }
        record(.timedOut, client, server, number)
        throw OSError(.timedOut, "connecting to \(address.description)")
    }

    private enum Arrival {
        case refused, full
        case accepted(SimulatedListener)
    }

    private func arrival(at address: SystemAddress, of server: Host) -> Arrival {
        guard let listener = server.listener(at: address), listener.isListening else { return .refused }
        return listener.isFull ? .full : .accepted(listener)
    }

    /// Waits until a packet has arrived, and returns true. Returns false if the packet is lost. If the packet is lost
    /// when it is sent, the method returns immediately. Otherwise, it returns after the time that the packet would have
    /// taken.
    private func arrives(over route: Route) async throws -> Bool {
        if route.isCut || random.happens(route.settings.loss) { return false }
        try await sleep(route.duration(&random))
        return !route.isCut && !route.to.isPoweredOff
    }

    private func establish(
        _ number: Int, from client: Host, _ run: HostRun, _ local: SystemAddress?, to listener: SimulatedListener,
        at address: SystemAddress
    ) async throws -> ByteChannel {
        let server = listener.host
        let (there, back) = (route(from: client, to: server), route(from: server, to: client))
        let here = localAddress(of: client, for: address, local)
        let near = TCPEnd(number, of: run, on: try EventLoop.running, to: there, in: self)
        let far = TCPEnd(number, of: listener.run, on: listener.loop, to: back, in: self)
        near.connect(to: far)
        // The server answers first. The server's end of the connection exists after the last packet of the handshake
        // has arrived.
        try await sleep(back.duration(&random))
        record(.connected, client, server, number)
        let channel = near.makeChannel(local: here, peer: address)
        near.open { listener.arrive(far, from: here, at: address) }
        return channel
    }

    private func localAddress(of client: Host, for address: SystemAddress, _ local: SystemAddress?) -> SystemAddress {
        if address.isUnix { return SystemAddress(bytes: [1, 0]) }
        if let local, local.port != 0 { return local }
        let own = address.isLoopback || address.isWildcard ? address : client.address(like: address) ?? address
        return client.ephemeral(like: own)
    }

    // MARK: Listening

    package func bind(to address: SystemAddress, _ options: Server.Options) throws(Errno) -> any StreamListener {
        let run = currentRun
        let host = run.host
        if run.isDead { throw .socketShutdown }
        guard address.isUnix || host.has(address) else { throw .addressNotAvailable }
        let address = address.port == 0 ? host.ephemeral(like: address) : address
        let listener = SimulatedListener(at: address, of: run, on: EventLoop.current ?? loop, in: self, options)
        if address.isUnix {
            // An existing Unix socket is replaced.
            for old in host.listeners[address] ?? [] { old.close() }
        }
        var addresses = [address]
        if options.dualStack, address.isIPv6, address.isWildcard, let other = Self.wildcards.first {
            addresses.append(other.with(port: address.port ?? 0))
        }
        for address in addresses where !host.canListen(at: address, sharing: listener.sharesPort) {
            throw .addressInUse
        }
        for address in addresses { host.add(listener, at: address) }
        return listener
    }

    // MARK: Datagrams

    package func datagrams(
        local: SystemAddress?, remote: SystemAddress?, family: Int32, isConnected: Bool
    ) throws -> DatagramChannel {
        let run = currentRun
        let host = run.host
        if let local, !local.isUnix, !host.has(local) {
            throw OSError(.addressNotAvailable, "binding to \(local.description)")
        }
        let wanted =
            local ?? remote.flatMap { $0.isLoopback ? $0.with(port: 0) : nil }
            ?? Self.wildcards.first { $0.family == family }
            ?? SystemAddress(unixPath: Array("\0simulated-\(nextConnectionNumber())".utf8)) ?? SystemAddress(bytes: [])
        let address = wanted.port == 0 ? host.ephemeral(like: wanted) : wanted
        if host.ports[address] != nil, !address.isUnix {
            throw OSError(.addressInUse, "binding to \(address.description)")
        }
        let port = DatagramPort(at: address, of: run, on: try EventLoop.running, in: self)
        host.ports[address] = port
        return port.makeChannel(peer: remote, isConnected: isConnected)
    }

    // MARK: Everything else

    package var files: any SimulatedFiles { currentHost.disk.engine }

    package func refuse(_ what: String) throws(RuntimeError) {
        throw RuntimeError("\(what) is not available in a simulation, which has no descriptors and no processes")
    }
}

/// Suspends the task forever if its program was killed.
func waitForever(if isDead: Bool) async {
    guard isDead else { return }
    // SAFETY: a continuation that is never resumed leaves its task suspended.
    await unsafe withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
}
