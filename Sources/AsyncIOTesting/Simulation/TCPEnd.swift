internal import AsyncIO
internal import AsyncIOSystem
internal import SystemPackage

// # TCP, as a program sees it
//
// A connection has two ends, each of which sends segments (bytes, an end, or a reset) to the other end. The segments
// arrive in order, after the latency of the route. A segment can be lost by chance or because the route is cut. The
// lost segment and the segments behind it are sent again after 200 ms, 400 ms, and so on, up to two minutes. After
// about a quarter of an hour without success, the end fails with ETIMEDOUT, as on Linux.
//
// The window limits the number of bytes that an end has sent but the other program has not received.
//
// The segments and the program's channel retain the end. After the program closes its channel, data that was sent
// earlier still arrives. Bytes that arrive at a closed end, or at a host that has been restarted, are answered with a
// reset. An idle end does not notice a power failure on the other host. As on Linux, the program must send something,
// set a timeout, or enable keep-alive to notice it. With keep-alive, the system sends a probe after two hours without a
// packet, and the end fails with ETIMEDOUT after nine probes without an answer.

/// One end of a simulated TCP connection.
final class TCPEnd: SimulatedLink {
    private enum Segment {
        /// The last packet of the handshake, with a closure that the server runs when the packet arrives.
        case open(() -> Void)
        case bytes([UInt8])
        case end
        case reset
        /// The program has received bytes while the other end was waiting for room.
        case window
        /// A probe, which asks whether the other end still exists, or the answer to a probe.
        case probe, answer

        /// The number of bytes.
        var count: Int { if case .bytes(let bytes) = self { bytes.count } else { 0 } }
    }

    private struct Packet {
        let number: Int
        let segment: Segment
    }

    let number: Int
    private unowned let network: Network
    private let run: HostRun
    /// The loop on which the program uses this end.
    private let loop: EventLoop
    private let wayOut: Route
    private weak var channel: SimulatedConnection?
    private var peer: TCPEnd?
    private var isClosed = false
    private var hasSentEnd = false

    /// The number of bytes that this end has sent but the other program has not received.
    private var unreceived = 0
    /// The number of the latest packet.
    private var sequence = 0
    /// The packets that have not arrived yet, and the time at which the last of them arrives.
    private var underWay: [Packet] = []
    private var latestArrival: Int64 = 0
    /// The lost packets and the packets behind them, in order.
    private var lost: [Packet] = []
    /// The number of times that the lost packets were sent again.
    private var retries = 0
    private var isRetrying = false
    /// The time at which the latest packet arrived.
    private var heardAt: Int64 = 0
    /// The number of probes since the latest packet arrived.
    private var probes = 0

    /// The size of the receive window on Linux without tuning, in bytes.
    static let window = 65_536
    private static let firstRetry = Duration.milliseconds(200)
    private static let lastRetry = Duration.seconds(120)
    private static let mostRetries = 15
    // The Linux defaults for connections with keep-alive.
    private static let idleTime = Duration.seconds(7_200)
    private static let probeInterval = Duration.seconds(75)
    private static let mostProbes = 9
    /// The number of bytes that the headers add to a packet.
    private static let header = 66

    private var host: Host { run.host }
    var peerHost: Host? { peer?.host }

    init(_ number: Int, of run: HostRun, on loop: EventLoop, to route: Route, in network: Network) {
        (self.number, self.run, self.loop, wayOut, self.network) = (number, run, loop, route, network)
    }

    /// Connects two ends, each of which has its own channel.
    func connect(to peer: TCPEnd) {
        self.peer = peer
        peer.peer = self
    }

    /// Returns the channel of the program on this end.
    func makeChannel(local: SystemAddress, peer: SystemAddress) -> SimulatedConnection {
        let channel = SimulatedConnection(
            over: self, local: Endpoint(local), peer: Endpoint(peer), on: loop)
        self.channel = channel
        run.add(self)
        return channel
    }

    // MARK: Calls from the program

    var room: Int { isClosed ? 0 : max(0, Self.window - unreceived) }

    func send(_ bytes: [UInt8]) {
        unreceived += bytes.count
        network.record(.sends, host, peer?.host, number, bytes)
        transmit(.bytes(bytes))
    }

    func open(_ accept: @escaping () -> Void) { transmit(.open(accept)) }

    func sendEnd() {
        guard !hasSentEnd, !isClosed else { return }
        hasSentEnd = true
        network.record(.ends, host, peer?.host, number)
        transmit(.end)
    }

    func noteReceived(_ count: Int) {
        guard let peer else { return }
        peer.unreceived -= count
        if peer.channel?.isWaitingForRoom == true { transmit(.window) }
    }

    func close(isBroken: Bool) {
        guard !isClosed else { return }
        if isBroken { sendReset() } else { sendEnd() }
        forget()
    }

    private func sendReset() {
        network.record(.resets, host, peer?.host, number)
        lost.removeAll()
        transmit(.reset)
    }

    /// Called when the program, or the whole host, no longer uses this end.
    private func forget() {
        isClosed = true
        run.remove(self)
    }

    /// Called when the program is killed.
    ///
    /// - Parameter isSilent: Whether the operating system has also stopped, and therefore does not answer.
    func crash(isSilent: Bool) {
        guard !isClosed else { return }
        channel?.vanish()
        if !isSilent { sendReset() }
        lost.removeAll()
        forget()
    }

    // MARK: Sending

    /// Whether packets currently cannot arrive.
    private var isUnreachable: Bool { wayOut.isCut || host.isPoweredOff || wayOut.to.isPoweredOff }

    private func transmit(_ segment: Segment) {
        sequence += 1
        let packet = Packet(number: sequence, segment: segment)
        if !lost.isEmpty { return lost.append(packet) }
        if isUnreachable || network.random.happens(wayOut.settings.loss) { return lose(packet) }
        depart(packet)
    }

    private func depart(_ packet: Packet) {
        let now = network.now
        let delay = wayOut.delay(of: packet.segment.count + Self.header, now: now, &network.random)
        latestArrival = max(latestArrival, now + delay)
        // Packets with the same arrival time arrive in order, regardless of the order in which the loop calls this
        // closure.
        underWay.append(packet)
        network.deliver(over: wayOut, at: latestArrival) { [self] in arriveNext() }
    }

    /// Called when the next packet reaches the other host, or is lost because the route was cut in the meantime.
    private func arriveNext() {
        let packet = underWay.removeFirst()
        if isUnreachable { return lose(packet) }
        // An earlier packet is missing.
        if let first = lost.first, first.number < packet.number { return keep(packet) }
        retries = 0
        peer?.receive(packet.segment)
    }

    private func lose(_ packet: Packet) {
        if case .bytes(let bytes) = packet.segment { network.record(.loses, host, peer?.host, number, bytes) }
        keep(packet)
        retryLater()
    }

    /// Stores a packet that will be sent again, and keeps the packets in order.
    private func keep(_ packet: Packet) {
        let index = lost.lastIndex { $0.number < packet.number }.map { $0 + 1 } ?? 0
        lost.insert(packet, at: index)
    }

    private func retryLater() {
        guard !isRetrying else { return }
        isRetrying = true
        network.after(min(Self.firstRetry * (1 << min(retries, 10)), Self.lastRetry)) { [self] in retry() }
    }

    private func retry() {
        isRetrying = false
        if lost.isEmpty || host.isPoweredOff { return lost.removeAll() }
        retries += 1
        if retries > Self.mostRetries {
            lost.removeAll()
            network.record(.timedOut, host, peer?.host, number)
            fail(.timedOut)
            return
        }
        if isUnreachable || network.random.happens(wayOut.settings.loss) { return retryLater() }
        let packets = lost
        lost = []
        for packet in packets { depart(packet) }
    }

    // MARK: Keeping alive

    /// Probes the other end if no packet has arrived for a long time.
    func keepAlive() {
        heardAt = network.now
        network.after(Self.idleTime) { [self] in watchSilence() }
    }

    private func watchSilence() {
        if isClosed || host.run !== run { return }
        let silence = Duration.nanoseconds(network.now - heardAt)
        if probes == 0, silence < Self.idleTime {
            return network.after(Self.idleTime - silence) { [self] in watchSilence() }
        }
        if probes == Self.mostProbes {
            network.record(.timedOut, host, peer?.host, number)
            return fail(.timedOut)
        }
        probes += 1
        probe()
        network.after(Self.probeInterval) { [self] in watchSilence() }
    }

    /// Sends a probe. A lost probe is not sent again.
    private func probe() {
        guard lost.isEmpty, !isUnreachable, !network.random.happens(wayOut.settings.loss) else { return }
        transmit(.probe)
    }

    // MARK: Receiving

    private func receive(_ segment: Segment) {
        heardAt = network.now
        probes = 0
        // The host may have been restarted. In that case, its system does not know the connection.
        let isUnknown = host.run !== run
        switch segment {
        case .open(let accept): accept()
        case .reset: fail(.connectionReset)
        case .bytes(let bytes):
            if isClosed || isUnknown { return answerWithReset() }
            network.record(.receives, host, peer?.host, number, bytes)
            inProgram { channel?.deliver(bytes) }
        case .end:
            if isUnknown { return answerWithReset() }
            inProgram { channel?.deliverEnd() }
        case .probe:
            if isClosed || isUnknown { return answerWithReset() }
            transmit(.answer)
        case .answer: break
        case .window:
            if isUnknown { return answerWithReset() }
            inProgram { channel?.roomWasMade() }
        }
    }

    private func fail(_ error: Errno) {
        guard !isClosed else { return }
        forget()
        inProgram { channel?.fail(error) }
    }

    private func inProgram(_ body: () -> Void) { loop.inside { run.perform(body) } }

    private func answerWithReset() {
        network.record(.resets, host, peer?.host, number)
        lost.removeAll()
        transmit(.reset)
    }
}
