/// What every protocol is told, by a ``Transport`` or a ``DatagramTransport``.
///
/// All calls come on the loop's thread. What a call throws goes to the loop's exception
/// handler.
///
/// asyncio: `asyncio.BaseProtocol`.
public protocol BaseProtocol: AnyObject {
    /// The connection has ended; the last call.
    ///
    /// - Parameter error: nil if it ended in order: the peer ended it, or this side did.
    ///
    /// asyncio: `connection_lost`.
    func connectionLost(_ error: (any Error)?) throws

    /// More is kept to be sent than the high-water mark: write no more for now. Called inside
    /// the `write` that was too much.
    ///
    /// asyncio: `pause_writing`.
    func pauseWriting() throws

    /// No more is kept than the low-water mark: write on.
    ///
    /// asyncio: `resume_writing`.
    func resumeWriting() throws
}

extension BaseProtocol {
    public func connectionLost(_ error: (any Error)?) {}
    public func pauseWriting() {}
    public func resumeWriting() {}
}

/// What a ``Transport`` talks to: a ``ConnectionProtocol`` or a ``BufferedProtocol``.
///
/// The order of calls: `connectionMade`; then data, as often as it comes; then at the most once
/// `eofReceived`; then once `connectionLost`.
public protocol TransportProtocol: BaseProtocol {
    /// The connection is there; the first call.
    ///
    /// asyncio: `connection_made`.
    func connectionMade(_ transport: Transport) throws

    /// The peer sends no more.
    ///
    /// - Returns: whether this side goes on writing; if not, the transport closes.
    ///
    /// asyncio: `eof_received`.
    func eofReceived() throws -> Bool
}

extension TransportProtocol {
    public func connectionMade(_ transport: Transport) {}
    public func eofReceived() -> Bool { false }
}

/// A protocol that is given the bytes of a connection as they come.
///
/// ```swift
/// final class Echo: ConnectionProtocol {
///     var transport: Transport?
///     func connectionMade(_ transport: Transport) { self.transport = transport }
///     func dataReceived(_ bytes: [UInt8]) throws { try transport?.write(bytes) }
/// }
/// let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 8080) { Echo() }
/// ```
///
/// asyncio: `asyncio.Protocol`.
public protocol ConnectionProtocol: TransportProtocol {
    /// Some bytes have come, at least one; however the peer wrote them.
    ///
    /// asyncio: `data_received`.
    func dataReceived(_ bytes: [UInt8]) throws
}

/// A protocol that has the bytes of a connection put into memory of its own.
///
/// asyncio: `asyncio.BufferedProtocol`.
public protocol BufferedProtocol: TransportProtocol {
    /// Lends memory for what comes: calls `fill` with it, once. It must not be empty.
    ///
    /// - Parameter sizeHint: how large it should be; -1 for any size.
    ///
    /// asyncio: `get_buffer`.
    func withBuffer(sizeHint: Int, _ fill: (inout MutableRawSpan) throws -> Void) throws

    /// The first `count` bytes of the memory were filled.
    ///
    /// asyncio: `buffer_updated`.
    func bufferUpdated(_ count: Int) throws
}

extension [UInt8] {
    /// Calls `body` with the array's memory: how a ``BufferedProtocol`` lends an array that it
    /// holds (`try memory.withMutableRawSpan(fill)`), since a span of a class's property cannot
    /// leave the expression that made it.
    public mutating func withMutableRawSpan<T, E: Error>(
        _ body: (inout MutableRawSpan) throws(E) -> T
    ) throws(E) -> T {
        var elements = mutableSpan
        // SAFETY: bytes have no invariant that writing to them could break.
        var bytes = unsafe elements.mutableBytes
        return try body(&bytes)
    }
}
