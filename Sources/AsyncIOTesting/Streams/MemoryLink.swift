internal import AsyncIO
internal import SystemPackage

/// One end of a connection in memory. Data that this end sends arrives at its peer's channel.
final class MemoryLink: SimulatedLink {
    private enum Item {
        case bytes([UInt8])
        case end
        case reset
    }

    private let loop: EventLoop
    private let faults: StreamFaults
    private weak var channel: SimulatedConnection?
    private weak var peer: MemoryLink?
    private var isClosed = false
    /// The number of bytes that were sent but not read, and the total number of bytes that were sent.
    private var unread = 0
    private var sent = 0
    /// The data that was sent but has not arrived.
    private var queue: [Item] = []
    private var isDelivering = false

    private init(_ faults: StreamFaults, on loop: EventLoop) { (self.faults, self.loop) = (faults, loop) }

    /// Creates two connected channels.
    static func makePair(_ faults: StreamFaults, on loop: EventLoop) -> (SimulatedConnection, SimulatedConnection) {
        let (a, b) = (MemoryLink(faults, on: loop), MemoryLink(faults, on: loop))
        (a.peer, b.peer) = (b, a)
        let channels = (
            SimulatedConnection(over: a, local: nil, peer: nil, on: loop),
            SimulatedConnection(over: b, local: nil, peer: nil, on: loop)
        )
        (a.channel, b.channel) = channels
        return channels
    }

    // MARK: Calls from the program

    var room: Int { isClosed ? 0 : max(0, faults.window - unread) }

    func send(_ bytes: [UInt8]) {
        unread += bytes.count
        var rest = bytes[...]
        if let limit = faults.resetAfter { rest = rest.prefix(max(0, limit - sent)) }
        let isBroken = rest.count < bytes.count
        sent += bytes.count
        while !rest.isEmpty {
            let piece = rest.prefix(faults.pieceSize ?? rest.count)
            rest = rest.dropFirst(piece.count)
            add(.bytes(Array(piece)))
        }
        if isBroken { add(.reset) }
    }

    func sendEnd() { add(.end) }

    func noteReceived(_ count: Int) {
        peer?.unread -= count
        if let peer, peer.channel?.isWaitingForRoom == true { peer.channel?.roomWasMade() }
    }

    func close(isBroken: Bool) {
        guard !isClosed else { return }
        isClosed = true
        add(isBroken ? .reset : .end)
    }

    // MARK: Delivering

    private func add(_ item: Item) {
        queue.append(item)
        guard !isDelivering else { return }
        isDelivering = true
        deliverLater()
    }

    /// Delivers one item after another, each in a separate turn.
    private func deliverLater() {
        // The peer is retained until all data has arrived.
        let deliver = { [self, peer] in
            guard let peer else { return }
            self.deliverNext(to: peer)
        }
        let isScheduled =
            faults.latency > .zero ? try? loop.callLater(faults.latency, deliver) : try? loop.callSoon(deliver)
        if isScheduled == nil { queue = [] }
    }

    private func deliverNext(to peer: MemoryLink) {
        guard !queue.isEmpty else {
            isDelivering = false
            return
        }
        switch queue.removeFirst() {
        case .bytes(let bytes): peer.channel?.deliver(bytes)
        case .end: peer.channel?.deliverEnd()
        case .reset:
            queue = []
            peer.channel?.fail(.connectionReset)
            if !isClosed { channel?.fail(.connectionReset) }
        }
        if queue.isEmpty { isDelivering = false } else { deliverLater() }
    }
}
