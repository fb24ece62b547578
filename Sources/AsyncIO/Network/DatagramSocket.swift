/// A UDP or Unix datagram socket that tasks use directly.
///
/// ```swift
/// let socket = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 9000))
/// while true {
///     let (bytes, sender) = try await socket.receive()
///     try await socket.send(bytes, to: sender)
/// }
/// ```
///
/// Datagrams that arrive faster than you receive them wait in the system's buffer. When the buffer is full, further
/// datagrams are lost.
///
/// asyncio: none; the closest equivalents are `loop.sock_recvfrom` and `loop.sock_sendto`.
public final class DatagramSocket {
    private let channel: DatagramChannel
    private var isReceiving = false
    private var sendError: OSError?

    init(_ channel: DatagramChannel) {
        self.channel = channel
        channel.onSendError = { [weak self] error in self?.sendError = error }
    }

    /// Receives a datagram, which can be empty.
    ///
    /// - Returns: The bytes of the datagram (at most 65,507 with UDP) and the address of its sender.
    /// - Throws: ``OSError`` if the network reports that an earlier datagram could not be delivered (the
    ///   socket stays usable); ``RuntimeError`` if another task is receiving or the socket is closed;
    ///   `CancellationError` if the task is cancelled, in which case no datagram is lost.
    ///
    /// asyncio: `loop.sock_recvfrom`.
    public func receive() async throws -> (bytes: [UInt8], address: Endpoint) {
        if EventLoop.isBudgetSpent { try await giveWay() }
        guard !isReceiving else {
            throw RuntimeError("receive() called while another task is already waiting for a datagram")
        }
        isReceiving = true
        defer { isReceiving = false }
        while true {
            if channel.isClosing { throw RuntimeError("receive() on a closed datagram socket") }
            if let datagram = try channel.tryReceive() {
                channel.loop.spend(datagram.bytes.count)
                return datagram
            }
            try await channel.waitReadable()
        }
    }

    /// Sends a datagram, which can be empty. The method waits if too much data is already buffered.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of the datagram.
    ///   - address: The address to send to, or `nil` for the socket's peer.
    /// - Throws: ``OSError`` if the system refuses this datagram or has refused an earlier buffered datagram;
    ///   ``ValueError`` if no address is given and the socket has no peer, or if the address is not the peer's address;
    ///   ``RuntimeError`` if the socket is closed; `CancellationError` if the task is cancelled while it waits. The
    ///   datagram is still sent in that case.
    ///
    /// asyncio: `loop.sock_sendto`.
    public func send(_ bytes: [UInt8], to address: Endpoint? = nil) async throws {
        if channel.isClosing { throw RuntimeError("send() on a closed datagram socket") }
        if let error = sendError.take() { throw error }
        try channel.send(bytes, to: address)
        channel.loop.spend(bytes.count)
        if channel.isPaused {
            try await channel.drain()
        } else if channel.loop.isBudgetSpent {
            try await giveWay()
        }
    }

    /// Sends `text` as UTF-8; see ``send(_:to:)-([UInt8],_)``.
    ///
    /// - Throws: The same errors as ``send(_:to:)-([UInt8],_)``, including `CancellationError` if the task is
    ///   cancelled.
    public func send(_ text: String, to address: Endpoint? = nil) async throws {
        try await send(Array(text.utf8), to: address)
    }

    /// Stops receiving, sends the buffered datagrams, and closes the socket. Further calls do nothing.
    ///
    /// asyncio: none; the closest equivalent is `transport.close`.
    public func close() { channel.close() }

    /// Whether the socket is closed or closing.
    public var isClosing: Bool { channel.isClosing }

    /// Waits until all buffered datagrams are sent and the socket is closed.
    ///
    /// - Throws: `CancellationError` if the task is cancelled, in which case the socket continues to close.
    public func waitClosed() async throws { try await channel.waitClosed() }

    /// The local address of the socket.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: Endpoint? { channel.localAddress }

    /// The address of the peer to which the socket is connected, or `nil` if the socket is not connected.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: Endpoint? { channel.peerAddress }

    /// The descriptor, or `nil` once the socket is closed. The socket still owns the descriptor.
    public var descriptor: Int32? { channel.descriptor }
}

@available(*, unavailable, message: "a datagram socket belongs to its loop's thread")
extension DatagramSocket: Sendable {}
