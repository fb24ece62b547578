internal import AsyncIO
internal import AsyncIOSystem

/// A machine in a simulated ``Network``, with a name, addresses, a disk, and a program.
///
/// All tasks, callbacks, connections, and files that the program creates belong to the host, as does everything that
/// these tasks and callbacks create.
public final class Host {
    /// The name, which the network resolves to the host's addresses.
    public let name: String
    /// The index of the host among those that were created in one call, starting from 0.
    public let index: Int
    /// The files of the host.
    public let disk: SimulatedDisk

    let number: Int
    unowned let network: Network
    private let program: (() -> AnyAsyncTask)?

    let addresses: [SystemAddress]
    var run: HostRun
    /// The listeners at each address. Several of them share a port if all have asked for that.
    var listeners: [SystemAddress: [SimulatedListener]] = [:]
    var ports: [SystemAddress: DatagramPort] = [:]
    var isPoweredOff = false
    private var nextPort = 49_152

    init(
        _ name: String, index: Int, number: Int, families: Set<Endpoint.Family>, in network: Network,
        program: (() -> AnyAsyncTask)?
    ) {
        (self.name, self.index, self.number, self.network, self.program) = (name, index, number, network, program)
        let (high, low) = (UInt8(number >> 8), UInt8(number & 0xff))
        var addresses: [SystemAddress?] = []
        if families.contains(.ipv4) { addresses.append(SystemAddress(host: [10, 0, high, low])) }
        if families.contains(.ipv6) {
            addresses.append(SystemAddress(host: [0xfd] + Array(repeating: 0, count: 13) + [high, low]))
        }
        self.addresses = addresses.compactMap(\.self)
        run = HostRun(number: 0)
        disk = SimulatedDisk(in: network)
        run.owner = self
    }

    // MARK: Facts

    /// The host to which the running code belongs. The test itself runs on a host with the name `test`.
    ///
    /// - Throws: `RuntimeError` if no simulation is running.
    public static var current: Host {
        get throws(RuntimeError) { try Network.current.currentHost }
    }

    /// The address of the host. If the host has an IPv4 and an IPv6 address, this is the IPv4 address.
    public var address: String { addresses.first?.host ?? "" }

    /// Whether the program is running, which means that its main function has not ended and the program was not killed.
    public var isRunning: Bool { run.main.map { !$0.isDone && !run.isDead } ?? false }

    /// Whether the host is paused; see ``Network/pause(_:)``.
    public internal(set) var isPaused = false

    /// The number of times that the program was started.
    public var startCount: Int { run.number }

    /// How far the host's wall clock (`Date()`) is ahead of the simulation's wall clock. The default is zero.
    ///
    /// Clocks that measure elapsed time, such as `ContinuousClock`, are not affected.
    public var clockOffset: Duration = .zero { didSet { network.hostsChanged() } }

    // MARK: Running

    func start() {
        guard let program else { return }
        run = HostRun(number: run.number + 1)
        run.owner = self
        isPoweredOff = false
        network.record(.started, self)
        let run = self.run
        run.main = run.perform { program() }
        // This callback belongs to no host.
        HostRun.$current.withValue(nil) {
            _ = run.main?.addDoneCallback { [network] _ in network.mainEnded(of: run) }
        }
    }

    /// Makes the wall clock show this host's time until the next step.
    func showClock() {
        if clockOffset != .zero { network.loop.offsetDate(by: clockOffset.roundedUpNanoseconds) }
    }

    // MARK: Addresses

    /// Returns `address` with the next free port.
    func ephemeral(like address: SystemAddress) -> SystemAddress {
        while true {
            let candidate = address.with(port: nextPort)
            nextPort = nextPort == 65_535 ? 49_152 : nextPort + 1
            if listeners[candidate] == nil, ports[candidate] == nil { return candidate }
        }
    }

    /// Returns the host's address that has the same family as `other`.
    func address(like other: SystemAddress) -> SystemAddress? { addresses.first { $0.family == other.family } }

    /// Returns whether a program on this host can bind to the address.
    func has(_ address: SystemAddress) -> Bool {
        address.isWildcard || address.isLoopback || addresses.contains(address.with(port: 0))
    }

    /// Returns the listener that accepts the next connection to this address. If several listeners share the address,
    /// the choice is random.
    func listener(at address: SystemAddress) -> SimulatedListener? {
        let all = listeners[address] ?? listeners[address.wildcard] ?? []
        return all.count < 2 ? all.first : all[network.random(in: 0...all.count - 1)]
    }

    func add(_ listener: SimulatedListener, at address: SystemAddress) {
        listeners[address, default: []].append(listener)
    }

    func remove(_ listener: SimulatedListener, at address: SystemAddress) {
        listeners[address]?.removeAll { $0 === listener }
        if listeners[address]?.isEmpty == true { listeners[address] = nil }
    }

    /// Whether a listener can use this address, which other listeners may share.
    func canListen(at address: SystemAddress, sharing: Bool) -> Bool {
        listeners[address, default: []].allSatisfy { sharing && $0.sharesPort }
    }

    /// Returns the datagram socket that receives at this address.
    func port(at address: SystemAddress) -> DatagramPort? { ports[address] ?? ports[address.wildcard] }
}

@available(*, unavailable, message: "a host belongs to its loop's thread")
extension Host: Sendable {}

extension Host: CustomStringConvertible {
    /// The name of the host.
    public var description: String { name }
}

extension SystemAddress {
    /// The wildcard address, which stands for all interfaces, with the same port.
    fileprivate var wildcard: SystemAddress {
        guard isInternet else { return self }
        return SystemAddress(host: Array(repeating: 0, count: isIPv6 ? 16 : 4))?.with(port: port ?? 0) ?? self
    }
}
