package import AsyncIOSystem
internal import DequeModule

/// An object that carries datagrams in a simulation. Use this type only on the loop's thread.
package protocol SimulatedDatagramLink: AnyObject {
    /// Sends a datagram.
    ///
    /// - Throws: ``OSError`` if the datagram is refused.
    func send(_ bytes: [UInt8], to address: SystemAddress) throws(OSError)
    func close()
}

/// A datagram socket of a simulated host. Use this type only on the loop's thread.
package final class SimulatedDatagrams: DatagramChannel {
    private let link: any SimulatedDatagramLink
    private let local: Endpoint?
    private var incoming = Deque<(bytes: [UInt8], address: Endpoint)>()
    private var incomingSize = 0
    private var failure: OSError?
    private var hasVanished = false
    private var reader: Waiter?
    private var onReadable: WatchCallback?

    /// The default size of a socket's receive buffer on Linux, in bytes.
    private static let capacity = 212_992

    package init(
        over link: any SimulatedDatagramLink, local: Endpoint?, peer: SystemAddress?, isConnected: Bool,
        on loop: EventLoop
    ) {
        (self.link, self.local) = (link, local)
        super.init(peer: peer, isConnected: isConnected, on: loop)
    }

    /// Drops the channel without calling any callbacks, because its program was killed.
    package func vanish() {
        hasVanished = true
        onReadable?.isRemoved = true
        forgetCallbacks()
    }

    deinit {
        if hasVanished { return }
        if state != .lost { link.close() }
        guard state == .open else { return }
        EventLoop.report(
            ExceptionContext(message: "unclosed datagram socket; call close() on it", subject: name), of: loop)
    }

    override var localAddress: Endpoint? { local }
    override var outgoingCount: Int { 0 }

    // MARK: The link's side

    /// Delivers a datagram. Returns false if the datagram is lost, for example because the buffer is full.
    package func deliver(_ bytes: [UInt8], from address: SystemAddress) -> Bool {
        guard !isClosing, !hasVanished, incomingSize + bytes.count <= Self.capacity else { return false }
        if isConnected, let peer, address != peer { return false }
        incoming.append((bytes, Endpoint(address)))
        incomingSize += bytes.count
        notifyReader()
        return true
    }

    /// Delivers an error from the network, which reports that an earlier datagram could not be delivered.
    package func deliver(_ error: OSError) {
        guard isConnected, !isClosing else { return }
        failure = error
        notifyReader()
    }

    private func notifyReader() {
        reader.take()?.complete()
        loop.queue(onReadable)
    }

    // MARK: The program's side

    override func tryReceive() throws(OSError) -> (bytes: [UInt8], address: Endpoint)? {
        if isClosing { return nil }
        if let error = failure.take() { throw error }
        guard let datagram = incoming.popFirst() else { return nil }
        incomingSize -= datagram.bytes.count
        network.received &+= datagram.bytes.count
        return datagram
    }

    override func readWaiter() -> Waiter? {
        if isReadable { return nil }
        let waiter = Waiter(for: "a datagram")
        reader = waiter
        return waiter
    }

    override var isReadable: Bool { !incoming.isEmpty || failure != nil || isClosing }

    override func whenReadable(_ callback: (() -> Void)?) {
        onReadable?.isRemoved = true
        onReadable = callback.map { WatchCallback(loop.virtual.bound($0)) }
        if isReadable { loop.queue(onReadable) }
    }

    override func send(_ bytes: [UInt8], to address: Endpoint?) throws {
        guard let target = try target(address) ?? peer else { return }
        if let error = failure.take() { throw error }
        try link.send(bytes, to: target)
        network.sent &+= bytes.count
    }

    // MARK: Ending

    override func close() {
        guard !isClosing else { return }
        beginClosing()
        endSoon()
        notifyReader()
    }

    override func abort(with error: (any Error)?) {
        guard state != .lost else { return }
        endSoon(with: error)
        notifyReader()
    }

    override func release() {
        link.close()
        incoming.removeAll()
        onReadable?.isRemoved = true
        onReadable = nil
        reader.take()?.complete()
    }
}
