internal import AsyncIOSystem

/// The base class of the channels below DatagramTransport and DatagramSocket. Use this type only on the loop's thread.
///
/// An error affects only a single datagram, and the channel stays usable.
package class DatagramChannel: Channel {
    /// The destination of datagrams that are sent without an address.
    final let peer: SystemAddress?
    /// Whether the channel is connected to the peer, so that datagrams from other senders are dropped.
    final let isConnected: Bool
    /// A callback that receives an error if a buffered datagram cannot be sent.
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
    /// - Throws: ``OSError`` if receiving fails, or if the network reports that an earlier datagram could not be
    ///   delivered.
    func tryReceive() throws(OSError) -> (bytes: [UInt8], address: Endpoint)? { abstract() }

    /// Sends a datagram, or buffers the datagram until the system accepts it.
    ///
    /// - Throws: ``ValueError`` if no address is given and the channel has no peer, or if the address is not the peer's
    ///   address; ``OSError`` if the datagram is refused.
    func send(_ bytes: [UInt8], to address: Endpoint?) throws { abstract() }

    /// Returns the destination of a datagram, or nil if the channel is connected to its peer.
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
