/// A protocol that receives datagrams.
///
/// asyncio: `asyncio.DatagramProtocol`.
public protocol DatagramProtocol: BaseProtocol {
    /// Tells the protocol that the socket is open. This method is called first.
    ///
    /// asyncio: `connection_made`.
    func connectionMade(_ transport: DatagramTransport) throws

    /// Tells the protocol that a datagram has arrived. The datagram can be empty.
    ///
    /// asyncio: `datagram_received`.
    func datagramReceived(_ bytes: [UInt8], from address: Endpoint) throws

    /// Tells the protocol that the system or a remote host refused a datagram. The socket stays usable.
    ///
    /// asyncio: `error_received`.
    func errorReceived(_ error: OSError) throws
}

extension DatagramProtocol {
    /// Does nothing.
    public func connectionMade(_ transport: DatagramTransport) {}
    /// Does nothing.
    public func errorReceived(_ error: OSError) {}
}

/// A datagram socket that a ``DatagramProtocol`` uses.
///
/// asyncio: `asyncio.DatagramTransport`.
public final class DatagramTransport: TransportCore {
    // Loop thread only.
    private let channel: DatagramChannel
    let loop: EventLoop
    /// The protocol that the transport calls. You can replace the protocol at any time.
    ///
    /// asyncio: `get_protocol`, `set_protocol`.
    public var `protocol`: any DatagramProtocol

    init(_ channel: DatagramChannel, _ receiver: any DatagramProtocol) {
        self.channel = channel
        loop = channel.loop
        self.protocol = receiver
        channel.owner = self
        channel.onLost = { [weak self] error in
            guard let self else { return }
            call { try self.protocol.connectionLost(error) }
        }
        channel.onPauseChanged = { [weak self] isPaused in
            guard let self else { return }
            call { isPaused ? try self.protocol.pauseWriting() : try self.protocol.resumeWriting() }
        }
        channel.onSendError = { [weak self] error in
            guard let self else { return }
            call { try self.protocol.errorReceived(error) }
        }
    }

    func notifyConnectionMade() throws { try self.protocol.connectionMade(self) }

    func startReading() {
        if !isClosing { channel.whenReadable { [self] in readReady() } }
    }

    /// Reads one datagram per turn, so that other work can run.
    private func readReady() {
        guard !isClosing else { return }
        do {
            guard let (bytes, address) = try channel.tryReceive() else { return }
            deliver(bytes, from: address)
        } catch {
            call { try self.protocol.errorReceived(error) }
        }
        if channel.isReadable, !isClosing {
            loop.enqueue { [self] in readReady() }
        }
    }

    private func deliver(_ bytes: [UInt8], from address: Endpoint) {
        do {
            try self.protocol.datagramReceived(bytes, from: address)
        } catch {
            loop.handleUncaught(error) {
                loop.callExceptionHandler(
                    ExceptionContext(
                        message: "Fatal error: protocol.datagramReceived() call failed.", error: error,
                        subject: description))
                channel.abort(with: error)
            }
        }
    }

    // MARK: Sending

    /// Sends a datagram, which can be empty. If the system does not accept the datagram at once, it is buffered. If the
    /// system refuses the datagram, the protocol's `errorReceived` is called. After the transport is closed, this
    /// method does nothing.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of the datagram.
    ///   - address: The address to send to, or `nil` for the transport's peer.
    /// - Throws: ``ValueError`` if no address is given and the transport has no peer, or if the address is not the
    ///   peer's address.
    ///
    /// asyncio: `sendto`.
    public func send(_ bytes: [UInt8], to address: Endpoint? = nil) throws {
        if isClosing { return }
        do {
            try channel.send(bytes, to: address)
        } catch let error as OSError {
            call { try self.protocol.errorReceived(error) }
        }
    }

    /// The number of buffered bytes, plus 8 bytes for each buffered datagram.
    ///
    /// asyncio: `get_write_buffer_size`.
    public var writeBufferSize: Int { channel.outgoingCount }

    /// The water marks of the buffer, in bytes; see ``Transport/writeBufferLimits``.
    ///
    /// asyncio: `get_write_buffer_limits`.
    public var writeBufferLimits: (low: Int, high: Int) { (channel.lowWater, channel.highWater) }

    /// Sets the water marks of the buffer, in bytes; see ``Transport/setWriteBufferLimits(high:low:)``.
    ///
    /// - Throws: ``ValueError`` unless `high >= low >= 0`.
    ///
    /// asyncio: `set_write_buffer_limits`.
    public func setWriteBufferLimits(high: Int? = nil, low: Int? = nil) throws(ValueError) {
        try channel.setWaterMarks(high: high, low: low)
    }

    // MARK: Ending

    /// Whether the transport is closed or closing.
    ///
    /// asyncio: `is_closing`.
    public var isClosing: Bool { channel.isClosing }

    /// Stops receiving, sends the buffered datagrams, and closes the transport. Further calls do nothing.
    ///
    /// asyncio: `close`.
    public func close() { channel.close() }

    /// Closes the transport at once, without sending the buffered datagrams.
    ///
    /// asyncio: `abort`.
    public func abort() { channel.abort() }

    // MARK: Facts

    /// The local address of the socket.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: Endpoint? { channel.localAddress }

    /// The address of the peer to which the socket is connected, or `nil` if the socket is not connected.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: Endpoint? { channel.peerAddress }

    /// The descriptor, or `nil` once the transport is closed. The transport still owns the descriptor.
    ///
    /// asyncio: `get_extra_info("socket")`.
    public var descriptor: Int32? { channel.descriptor }
}

extension DatagramTransport: CustomStringConvertible {
    /// A description of the transport, for use in messages.
    public var description: String { "DatagramTransport (\(channel.name)\(isClosing ? ", closing" : ""))" }
}

@available(*, unavailable, message: "a transport belongs to its loop's thread")
extension DatagramTransport: Sendable {}
