internal import AsyncIO
internal import AsyncIOSystem
internal import SystemPackage

/// A datagram socket of a simulated host.
final class DatagramPort: SimulatedDatagramLink {
    private unowned let network: Network
    private let run: HostRun
    /// The loop on which the program uses the socket.
    private let loop: EventLoop
    private let address: SystemAddress
    private weak var channel: SimulatedDatagrams?
    /// For each route, the time at which the latest datagram arrives, in nanoseconds. Datagrams that other datagrams
    /// have overtaken do not count. Routes exist as long as the network does.
    private var latestArrivals: [ObjectIdentifier: Int64] = [:]

    /// The maximum size of a UDP datagram over IPv4, in bytes.
    private static let largest = 65_507
    /// The number of bytes that the headers add to a packet.
    private static let header = 42

    init(at address: SystemAddress, of run: HostRun, on loop: EventLoop, in network: Network) {
        (self.address, self.run, self.loop, self.network) = (address, run, loop, network)
    }

    private var host: Host { run.host }

    func makeChannel(peer: SystemAddress?, isConnected: Bool) -> SimulatedDatagrams {
        let channel = SimulatedDatagrams(
            over: self, local: Endpoint(address), peer: peer, isConnected: isConnected, on: loop)
        self.channel = channel
        return channel
    }

    // MARK: Sending

    func send(_ bytes: [UInt8], to target: SystemAddress) throws(OSError) {
        if bytes.count > Self.largest { throw OSError(.messageTooLong, "sending to \(target.description)") }
        guard !run.isDead else { return }
        guard let receiver = network.host(at: target, from: host) else {
            throw OSError(.noRouteToHost, "sending to \(target.description)")
        }
        network.record(.sendsDatagram, host, receiver, 0, bytes)
        let route = network.route(from: host, to: receiver)
        if route.isCut || network.random.happens(route.settings.loss) { return lose(bytes, on: receiver) }
        depart(bytes, to: target, over: route)
        if network.random.happens(route.settings.duplication) {
            network.record(.duplicatesDatagram, host, receiver, 0, bytes)
            depart(bytes, to: target, over: route)
        }
    }

    private func depart(_ bytes: [UInt8], to target: SystemAddress, over route: Route) {
        let now = network.now
        let delay = route.delay(of: bytes.count + Self.header, now: now, &network.random)
        var arrival = max((latestArrivals[ObjectIdentifier(route)] ?? 0) + 1, now + delay)
        if network.random.happens(route.settings.reordering) {
            arrival += 2 * route.sample(&network.random) + 1_000_000
        } else {
            latestArrivals[ObjectIdentifier(route)] = arrival
        }
        network.deliver(over: route, at: arrival) { [self] in arrive(bytes, at: target, over: route) }
    }

    private func lose(_ bytes: [UInt8], on receiver: Host) {
        network.record(.losesDatagram, host, receiver, 0, bytes)
    }

    // MARK: Arriving

    private func arrive(_ bytes: [UInt8], at target: SystemAddress, over route: Route) {
        let receiver = route.to
        if route.isCut || receiver.isPoweredOff { return lose(bytes, on: receiver) }
        guard let port = receiver.port(at: target), let channel = port.channel else { return bounce(target, receiver) }
        let wasReceived = port.inProgram { channel.deliver(bytes, from: source(for: target, receiver)) }
        if wasReceived {
            network.record(.receivesDatagram, receiver, host, 0, bytes)
        } else {
            lose(bytes, on: receiver)
        }
    }

    /// Makes the receiver's operating system report that no socket is bound to this address.
    private func bounce(_ target: SystemAddress, _ receiver: Host) {
        let back = network.route(from: receiver, to: host)
        if back.isCut { return }
        network.deliver(over: back, at: network.now + back.sample(&network.random)) { [self] in
            inProgram { channel?.deliver(OSError(.connectionRefused, "sending to \(target.description)")) }
        }
    }

    private func inProgram<T>(_ body: () -> T) -> T { loop.inside { run.perform(body) } }

    /// Returns the sender's address as the receiver sees it.
    private func source(for target: SystemAddress, _ receiver: Host) -> SystemAddress {
        guard address.isWildcard else { return address }
        let own = receiver === host ? target : host.address(like: target) ?? address
        return own.with(port: address.port ?? 0)
    }

    // MARK: Ending

    func close() {
        if host.ports[address] === self { host.ports[address] = nil }
    }

    /// Called when the program is killed.
    func crash() { channel?.vanish() }
}
