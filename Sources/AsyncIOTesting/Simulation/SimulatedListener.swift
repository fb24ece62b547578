internal import AsyncIO
internal import AsyncIOSystem
internal import SystemPackage

/// A listening socket of a simulated host.
final class SimulatedListener: StreamListener {
    private unowned let network: Network
    let run: HostRun
    /// The loop on which the server runs.
    let loop: EventLoop
    private(set) var address: SystemAddress?
    /// Whether the system probes idle connections.
    private let keepsAlive: Bool
    /// Whether other listeners can use the same address.
    let sharesPort: Bool
    private var backlog = 0
    private var waiting: [SimulatedConnection] = []
    private var onArrival: (() -> Void)?

    var descriptor: Int32? { nil }
    var host: Host { run.host }

    func boundAddress() throws(Errno) -> SystemAddress {
        guard let address else { throw .badFileDescriptor }
        return address
    }

    init(
        at address: SystemAddress, of run: HostRun, on loop: EventLoop, in network: Network, _ options: Server.Options
    ) {
        (self.address, self.run, self.loop, self.network) = (address, run, loop, network)
        (keepsAlive, sharesPort) = (options.keepAlive, options.reusePort)
    }

    var isListening: Bool { backlog > 0 }
    /// Whether the queue is full. As on Linux, the queue has room for one more connection than the backlog.
    var isFull: Bool { waiting.count > backlog }

    func listen(backlog: Int) throws(Errno) { self.backlog = max(1, backlog) }

    func startAccepting(_ onArrival: @escaping () -> Void) throws {
        self.onArrival = onArrival
        if !waiting.isEmpty { notify() }
    }

    func stopAccepting() { onArrival = nil }

    func pauseAccepting(for duration: Duration, while isWanted: @escaping () -> Bool, _ onArrival: @escaping () -> Void)
    {
        stopAccepting()
        network.after(duration) { [self] in
            if isWanted() { loop.inside { run.perform { try? startAccepting(onArrival) } } }
        }
    }

    func accept() throws(Errno) -> ByteChannel {
        guard !waiting.isEmpty else { throw .wouldBlock }
        return waiting.removeFirst()
    }

    func close() {
        guard address != nil else { return }
        self.address = nil
        // A dual-stack listener has two addresses.
        for address in host.listeners.keys { host.remove(self, at: address) }
        let connections = waiting
        waiting = []
        for connection in connections { connection.refuse() }
        onArrival = nil
    }

    /// Called when the program is killed. The waiting connections are reset.
    func crash() {
        address = nil
        backlog = 0
        // The callback refers to objects that belong to the program and are never freed.
        // SAFETY: this call only adds a reference, which is never released.
        _ = unsafe Unmanaged.passRetained(self)
    }

    /// Called when a connection has been established.
    func arrive(_ end: TCPEnd, from peer: SystemAddress, at target: SystemAddress) {
        guard let address, !run.isDead else { return end.close(isBroken: true) }
        if keepsAlive { end.keepAlive() }
        loop.inside {
            run.perform {
                waiting.append(end.makeChannel(local: address.isWildcard ? target : address, peer: peer))
                notify()
            }
        }
    }

    private func notify() {
        guard onArrival != nil else { return }
        _ = try? loop.callSoon { [self] in onArrival?() }
    }
}
