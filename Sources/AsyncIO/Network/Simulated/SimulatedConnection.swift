package import SystemPackage

// # One end of a connection without a descriptor
//
// This is the counterpart of `Connection` for a link in memory. The link notifies this channel, through `deliver` and
// similar methods, of the events that `Connection` learns from the kernel: bytes have arrived, there is room, the peer
// has ended, or the connection broke. This channel makes the same requests to the link that `Connection` makes to the
// kernel:
//
//     reader <- incoming <- deliver(bytes)                      the link
//     writer -> outgoing (only what the link has no room for) -> send(bytes)
//
// Each end makes its calls in order, and the link decides when the other end is notified. A channel retains itself and
// its owner while bytes wait for room. Even if the program has closed and released the channel, these bytes are still
// sent, as by a kernel.

/// An object that carries the bytes of a ``SimulatedConnection`` to the other end. Use this type only on the loop's
/// thread.
package protocol SimulatedLink: AnyObject {
    /// The number of bytes that the link can accept now. When the link accepts bytes again, it calls
    /// ``SimulatedConnection/roomWasMade()``.
    var room: Int { get }
    /// Accepts bytes to send. The number of bytes must not exceed ``room``.
    func send(_ bytes: [UInt8])
    /// Notifies the link that the sending half has ended.
    func sendEnd()
    /// Notifies the link that the program has received bytes, so that the other end can send the same number of bytes
    /// again.
    func noteReceived(_ count: Int)
    /// Notifies the link that the program has closed the connection.
    ///
    /// - Parameter isBroken: Whether the other end receives an error. The other end receives an error if the connection
    ///   was reset, or if the program did not receive all bytes that arrived.
    func close(isBroken: Bool)
}

/// A connection whose other end is in the same process. Use this type only on the loop's thread.
package final class SimulatedConnection: ByteChannel {
    private let link: any SimulatedLink
    private let local: Endpoint?
    private var peer: Endpoint?

    private var incoming = ByteBuffer()
    private var hasPeerEnded = false
    private var failure: OSError?
    private var reader: Waiter?
    private var onReadable: WatchCallback?

    private var outgoing = ByteBuffer()
    /// References that retain this channel and its owner while ``outgoing`` is not empty.
    private var retained: [AnyObject?] = []
    private var isEOFRequested = false
    private var isReset = false
    private var hasVanished = false

    package init(over link: any SimulatedLink, local: Endpoint?, peer: Endpoint?, on loop: EventLoop) {
        self.link = link
        (self.local, self.peer) = (local, peer)
        super.init(on: loop)
        network.connections += 1
    }

    deinit {
        if hasVanished { return }
        if state != .lost {
            network.connections -= 1
            link.close(isBroken: isReset || !incoming.isEmpty)
        }
        guard state == .open else { return }
        EventLoop.report(
            ExceptionContext(message: "unclosed connection; call close() on its writer", subject: name), of: loop)
    }

    // MARK: Facts

    override var name: String { peer.map(\.description) ?? "connection" }
    override var localAddress: Endpoint? { local }
    override var peerAddress: Endpoint? { peer }
    override var outgoingCount: Int { outgoing.count }
    override func setPeer(_ address: Endpoint) { peer = address }

    // MARK: The link's side

    /// Delivers bytes that the other end has sent.
    package func deliver(_ bytes: [UInt8]) {
        guard !isClosing, failure == nil, !hasVanished else { return }
        incoming.append(bytes[...])
        notifyReader()
    }

    /// Reports that the other end has ended its sending half.
    package func deliverEnd() {
        hasPeerEnded = true
        notifyReader()
    }

    /// Breaks the connection. The program receives the bytes that arrived earlier, and then the error.
    package func fail(_ code: Errno) {
        guard !isClosing, failure == nil else { return abort() }
        failure = OSError(code, "the connection to \(name)")
        if !outgoing.isEmpty || incoming.isEmpty { breakOff(with: failure) }
        notifyReader()
    }

    /// Called when the link accepts bytes again.
    package func roomWasMade() {
        guard !outgoing.isEmpty else { return }
        flush()
    }

    /// Whether bytes are buffered because the link does not accept them.
    package var isWaitingForRoom: Bool { !outgoing.isEmpty }

    /// Drops the channel without calling any callbacks, because its program was killed.
    package func vanish() {
        guard !hasVanished else { return }
        hasVanished = true
        network.connections -= 1
        incoming.removeAll()
        onReadable?.isRemoved = true
        forgetCallbacks()
        dropOutgoing()
    }

    /// Resets the connection, because no listener will accept it.
    package func refuse() { reset() }

    private func notifyReader() {
        reader.take()?.complete()
        loop.queue(onReadable)
    }

    private func breakOff(with error: OSError?) {
        endSoon(with: error)
        dropOutgoing()
    }

    private func dropOutgoing() {
        outgoing.removeAll()
        retained = []
    }

    // MARK: Reading

    override func tryReceive(atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Int? {
        if isClosing, error == nil { return 0 }
        if !incoming.isEmpty {
            let received = min(count, incoming.count)
            unsafe incoming.withBytes { unsafe take(UnsafeRawBufferPointer(rebasing: $0.prefix(received))) }
            incoming.dropFirst(received)
            network.received &+= received
            activity &+= received
            link.noteReceived(received)
            return received
        }
        if let error { throw error }
        if let failure {
            breakOff(with: failure)
            throw failure
        }
        return hasPeerEnded ? 0 : nil
    }

    override func readWaiter() -> Waiter? {
        if isReadable { return nil }
        let waiter = Waiter(for: "bytes from a connection")
        reader = waiter
        return waiter
    }

    override func wakeReader() { reader.take()?.complete() }

    override var isReadable: Bool { !incoming.isEmpty || hasPeerEnded || failure != nil || isClosing }

    override func whenReadable(_ callback: (() -> Void)?) {
        onReadable?.isRemoved = true
        onReadable = callback.map { WatchCallback(loop.virtual.bound($0)) }
        if isReadable { loop.queue(onReadable) }
    }

    // MARK: Writing

    override func send(_ bytes: UnsafeRawBufferPointer) throws {
        try checkWritable()
        if isEOFRequested { throw RuntimeError("write() after writeEOF()") }
        if let failure {
            breakOff(with: failure)
            throw failure
        }
        guard bytes.count > 0 else { return }
        unsafe outgoing.append(bytes)
        flush()
        if !outgoing.isEmpty, retained.isEmpty { retained = [self, owner] }
        notePressure()
    }

    private func flush() {
        let isLast = !retained.isEmpty
        defer { if isLast, outgoing.isEmpty { retained = [] } }
        while !outgoing.isEmpty {
            let room = min(link.room, outgoing.count)
            guard room > 0 else { break }
            network.sent &+= room
            activity &+= room
            link.send(outgoing.takeFirst(room))
        }
        noteProgress()
        guard outgoing.isEmpty else { return }
        if isEOFRequested, state == .open { link.sendEnd() }
        if state == .closing { endSoon() }
    }

    override var canSendEOF: Bool { true }

    override func sendEOF() throws {
        guard !isEOFRequested else { return }
        try checkWritable()
        isEOFRequested = true
        if outgoing.isEmpty { link.sendEnd() }
    }

    // MARK: Ending

    override func close() {
        guard !isClosing else { return }
        if loop.isClosed { return abort() }
        beginClosing()
        notifyReader()
        if outgoing.isEmpty { endSoon() }
    }

    override func abort(with error: (any Error)?) {
        guard state != .lost else { return }
        endSoon(with: error)
        notifyReader()
        dropOutgoing()
    }

    override func reset() {
        guard state != .lost else { return }
        isReset = true
        abort()
    }

    override func release() {
        network.connections -= 1
        link.close(isBroken: isReset || !incoming.isEmpty)
        incoming.removeAll()
        onReadable?.isRemoved = true
        onReadable = nil
        reader.take()?.complete()
        dropOutgoing()
    }
}
