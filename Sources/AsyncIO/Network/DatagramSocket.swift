/// A socket for datagrams, for tasks: UDP, or a Unix socket.
///
/// ```swift
/// let socket = try await openDatagramSocket(localAddress: SocketAddress(host: "127.0.0.1", port: 9000))
/// while true {
///     let (bytes, sender) = try await socket.receive()
///     try await socket.send(bytes, to: sender)
/// }
/// ```
///
/// What comes faster than it is received waits in the system's buffer, and is lost when that
/// is full, as datagrams are.
///
/// asyncio has none; what `loop.sock_recvfrom` and `loop.sock_sendto` do.
public final class DatagramSocket {
    private let channel: DatagramChannel
    private var isReceiving = false
    private var sendError: OSError?

    init(_ channel: DatagramChannel) {
        self.channel = channel
        channel.onSendError = { [weak self] error in self?.sendError = error }
    }

    /// Receives a datagram, which may be empty.
    ///
    /// - Returns: its bytes, of which there are at most 65,507 with UDP, and who sent it.
    /// - Throws: ``OSError`` if the network reports that a datagram that was sent found nobody:
    ///   the socket goes on; ``RuntimeError`` if another task receives, or the socket is closed;
    ///   `CancellationError`, which loses nothing.
    public nonisolated(nonsending) func receive() async throws -> (bytes: [UInt8], address: SocketAddress) {
        if EventLoop.isBudgetSpent { try await giveWay() }
        guard !isReceiving else {
            throw RuntimeError("receive() called while another task is already waiting for a datagram")
        }
        isReceiving = true
        defer { isReceiving = false }
        while true {
            if channel.isClosing { throw RuntimeError("receive() on a datagram socket that is closed") }
            if let datagram = try channel.tryReceive() {
                channel.loop.spend(datagram.bytes.count)
                return datagram
            }
            try await channel.waitReadable()
        }
    }

    /// Sends a datagram, which may be empty; waits if too much is kept already.
    ///
    /// - Parameter address: where to; nil for the peer that the socket was opened with.
    /// - Throws: ``OSError`` if the system refuses it, or one before it that was kept;
    ///   ``ValueError`` if there is no peer and no address, or an address other than the
    ///   peer's; ``RuntimeError`` if the socket is closed; `CancellationError` while it waits:
    ///   the datagram is sent all the same.
    public nonisolated(nonsending) func send(_ bytes: [UInt8], to address: SocketAddress? = nil) async throws {
        if channel.isClosing { throw RuntimeError("send() on a datagram socket that is closed") }
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
    public nonisolated(nonsending) func send(_ text: String, to address: SocketAddress? = nil) async throws {
        try await send(Array(text.utf8), to: address)
    }

    /// Receives no more, sends what is kept, and ends. Calling it again does nothing.
    public func close() { channel.close() }

    /// Whether the socket is closed, or is about to be.
    public var isClosing: Bool { channel.isClosing }

    /// Waits until what was kept is sent and the socket is gone.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func waitClosed() async throws { try await channel.waitClosed() }

    /// This side's address.
    public var localAddress: SocketAddress? { channel.localAddress }

    /// The peer that the socket was opened with.
    public var peerAddress: SocketAddress? { channel.peerAddress }

    /// The descriptor, which stays the socket's. nil once it is closed.
    public var descriptor: Int32? { channel.descriptor }
}

@available(*, unavailable, message: "a datagram socket belongs to its loop's thread")
extension DatagramSocket: Sendable {}
