/// A protocol that is given datagrams.
///
/// asyncio: `asyncio.DatagramProtocol`.
public protocol DatagramProtocol: BaseProtocol {
    /// The socket is there; the first call.
    ///
    /// asyncio: `connection_made`.
    func connectionMade(_ transport: DatagramTransport) throws

    /// A datagram has come; it may be empty.
    ///
    /// asyncio: `datagram_received`.
    func datagramReceived(_ bytes: [UInt8], from address: SocketAddress) throws

    /// A datagram was refused, now or by a host far away; the socket goes on.
    ///
    /// asyncio: `error_received`.
    func errorReceived(_ error: OSError) throws
}

extension DatagramProtocol {
    public func connectionMade(_ transport: DatagramTransport) {}
    public func errorReceived(_ error: OSError) {}
}

/// A socket for datagrams as a ``DatagramProtocol`` sees it.
///
/// asyncio: `asyncio.DatagramTransport`.
public final class DatagramTransport {
    // Loop thread only.
    private let channel: DatagramChannel
    private let loop: EventLoop
    /// Who is called; may be replaced at any time.
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

    /// Tells the protocol, reads, and returns.
    nonisolated(nonsending) func startAndWait() async throws {
        let waiter = Waiter(for: "a transport to start")
        loop.ready.append(.handle(Handle(.callback { [self] in try self.protocol.connectionMade(self) })))
        loop.ready.append(
            .handle(
                Handle(
                    .callback { [self] in
                        if !isClosing { channel.whenReadable { [self] in readReady() } }
                    })))
        loop.ready.append(.handle(Handle(.complete(waiter))))
        do {
            try await waiter.wait()
        } catch {
            close()
            throw error
        }
    }

    /// One datagram, so that others get their turn.
    private func readReady() {
        guard !isClosing else { return }
        do {
            guard let (bytes, address) = try channel.tryReceive() else { return }
            deliver(bytes, from: address)
        } catch {
            call { try self.protocol.errorReceived(error) }
        }
        if channel.isReadable, !isClosing {
            loop.ready.append(.handle(Handle(.callback { [self] in readReady() })))
        }
    }

    private func deliver(_ bytes: [UInt8], from address: SocketAddress) {
        do {
            try self.protocol.datagramReceived(bytes, from: address)
        } catch let interrupt as KeyboardInterrupt {
            loop.escaping = interrupt
        } catch {
            loop.callExceptionHandler(
                ExceptionContext(
                    message: "Fatal error: protocol.datagramReceived() call failed.", error: error,
                    subject: description))
            channel.abort(with: error)
        }
    }

    private func call(_ body: () throws -> Void) {
        do {
            try body()
        } catch let interrupt as KeyboardInterrupt {
            loop.escaping = interrupt
        } catch {
            loop.callExceptionHandler(
                ExceptionContext(message: "Exception in callback of a protocol", error: error, subject: description))
        }
    }

    // MARK: Sending

    /// Sends a datagram, which may be empty; if the system does not take it at once, it is
    /// kept. If the system refuses it, the protocol's `errorReceived` is called. After the end
    /// it does nothing.
    ///
    /// - Parameter address: where to; nil for the peer that the endpoint was made with.
    /// - Throws: ``ValueError`` if there is no peer and no address, or an address other than
    ///   the peer's.
    ///
    /// asyncio: `sendto`.
    public func send(_ bytes: [UInt8], to address: SocketAddress? = nil) throws {
        if isClosing { return }
        do {
            try channel.send(bytes, to: address)
        } catch let error as OSError {
            call { try self.protocol.errorReceived(error) }
        }
    }

    /// How many bytes are kept, with 8 more for each datagram.
    ///
    /// asyncio: `get_write_buffer_size`.
    public var writeBufferSize: Int { channel.outgoingCount }

    /// As ``Transport/writeBufferLimits``.
    ///
    /// asyncio: `get_write_buffer_limits`.
    public var writeBufferLimits: (low: Int, high: Int) { (channel.lowWater, channel.highWater) }

    /// As ``Transport/setWriteBufferLimits(high:low:)``.
    ///
    /// asyncio: `set_write_buffer_limits`.
    public func setWriteBufferLimits(high: Int? = nil, low: Int? = nil) throws(ValueError) {
        try channel.setWaterMarks(high: high, low: low)
    }

    // MARK: Ending

    /// Whether the transport is closed, or is about to be.
    ///
    /// asyncio: `is_closing`.
    public var isClosing: Bool { channel.isClosing }

    /// Receives no more, sends what is kept, and ends. Calling it again does nothing.
    ///
    /// asyncio: `close`.
    public func close() { channel.close() }

    /// Ends at once; what is kept is not sent.
    ///
    /// asyncio: `abort`.
    public func abort() { channel.abort() }

    // MARK: Facts

    /// This side's address.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: SocketAddress? { channel.localAddress }

    /// The other side's, if the socket is connected to it.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: SocketAddress? { channel.peerAddress }

    /// The descriptor, which stays the transport's. nil once it is closed.
    ///
    /// asyncio: `get_extra_info("socket")`.
    public var descriptor: Int32? { channel.descriptor }
}

extension DatagramTransport: CustomStringConvertible {
    public var description: String { "DatagramTransport (\(channel.name)\(isClosing ? ", closing" : ""))" }
}

@available(*, unavailable, message: "a transport belongs to its loop's thread")
extension DatagramTransport: Sendable {}
