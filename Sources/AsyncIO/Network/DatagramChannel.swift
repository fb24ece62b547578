internal import AsyncIOSystem

/// The base class of the channels below DatagramTransport and DatagramSocket. Loop thread only.
///
/// An error concerns a single datagram and leaves the channel usable.
package class DatagramChannel: Channel {
    /// The destination of datagrams without an address.
    final let peer: SystemAddress?
    /// Whether the channel is connected to the peer, so that datagrams from other senders are dropped.
    final let isConnected: Bool
    /// Receives the errors of datagrams that were buffered.
    final var onSendError: ((OSError) -> Void)?

    init(peer: SystemAddress?, isConnected: Bool, on loop: EventLoop) {
        self.peer = peer
        self.isConnected = isConnected
        super.init(on: loop)
    }

    override var name: String { "datagrams \(peer?.description ?? localAddress?.description ?? "")" }
    override var peerAddress: Endpoint? { isConnected ? peer.map(Endpoint.init) : nil }

    /// Receives a datagram, or returns nil if none has arrived.
    ///
    /// - Throws: An error that the network reported for an earlier send.
    func tryReceive() throws(OSError) -> (bytes: [UInt8], address: Endpoint)? { abstract() }

    /// Sends a datagram, or buffers it until there is room.
    ///
    /// - Throws: ``ValueError`` if there is no address, or the address is not the peer's; ``OSError`` if the datagram
    ///   is refused.
    func send(_ bytes: [UInt8], to address: Endpoint?) throws { abstract() }

    /// Returns the destination of a datagram, or nil for the connected peer.
    final func target(_ address: Endpoint?) throws(ValueError) -> SystemAddress? {
        if let peer {
            if let address, address.system != peer {
                throw ValueError("Invalid address: must be nil or \(peer.description), got \(address)")
            }
            return isConnected ? nil : peer
        }
        guard let address else { throw ValueError("address must not be nil on a datagram socket without a peer") }
        return address.system
    }
}
