/// The methods that every kind of transport, such as a ``Transport`` or a ``DatagramTransport``, calls on its protocol.
///
/// All methods are called on the loop's thread. If a method throws an error, the loop's exception handler is called. If
/// a method that delivers data or the end of the stream throws an error, the connection is also aborted.
///
/// asyncio: `asyncio.BaseProtocol`.
public protocol BaseProtocol: AnyObject {
    /// Tells the protocol that the connection has ended. This method is called last.
    ///
    /// - Parameter error: The error that ended the connection, or `nil` if the peer or this side closed it
    ///   normally.
    ///
    /// asyncio: `connection_lost`.
    func connectionLost(_ error: (any Error)?) throws

    /// Tells the protocol to stop writing for now, because the write buffer has risen above the high-water mark. This
    /// method is called during the call to `write` that exceeds the mark.
    ///
    /// asyncio: `pause_writing`.
    func pauseWriting() throws

    /// Tells the protocol that it can continue to write, because the write buffer has fallen to the low-water mark.
    ///
    /// asyncio: `resume_writing`.
    func resumeWriting() throws
}

extension BaseProtocol {
    /// Does nothing.
    public func connectionLost(_ error: (any Error)?) {}
    /// Does nothing.
    public func pauseWriting() {}
    /// Does nothing.
    public func resumeWriting() {}
}

/// A protocol that a ``Transport`` can call: a ``ConnectionProtocol`` or a ``BufferedProtocol``.
///
/// The transport first calls `connectionMade` once. It then delivers data any number of times, calls `eofReceived` at
/// most once, and finally calls `connectionLost` once.
public protocol TransportProtocol: BaseProtocol {
    /// Tells the protocol that the connection is established. This method is called first.
    ///
    /// asyncio: `connection_made`.
    func connectionMade(_ transport: Transport) throws

    /// Tells the protocol that the peer will not send more data.
    ///
    /// - Returns: `true` to keep the transport open for writing, or `false` to close it.
    ///
    /// asyncio: `eof_received`.
    func eofReceived() throws -> Bool
}

extension TransportProtocol {
    /// Does nothing.
    public func connectionMade(_ transport: Transport) {}
    /// Returns `false`, which closes the transport.
    public func eofReceived() -> Bool { false }
}

/// A protocol that receives the bytes of a connection as they arrive.
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
    /// Tells the protocol that at least one byte has arrived. A call can deliver part of one write by the peer, or the
    /// bytes of several writes.
    ///
    /// asyncio: `data_received`.
    func dataReceived(_ bytes: [UInt8]) throws
}

/// A protocol that provides the memory into which the bytes of a connection are received.
///
/// ```swift
/// final class Collector: BufferedProtocol {
///     private var bytes: [UInt8] = []
///     func withBuffer(sizeHint: Int, _ fill: (inout OutputSpan<UInt8>) throws -> Void) throws {
///         try bytes.append(addingCapacity: 65_536, initializingWith: fill)
///     }
///     func bufferUpdated(_ count: Int) { use(bytes.suffix(count)) }
/// }
/// ```
///
/// asyncio: `asyncio.BufferedProtocol`.
public protocol BufferedProtocol: TransportProtocol {
    /// Provides memory for received bytes. Call `fill` with the memory exactly once. The memory must have room for at
    /// least one byte. The memory does not need to be initialized, because the received bytes are appended to the
    /// contents of the span.
    ///
    /// - Parameters:
    ///   - sizeHint: The recommended size in bytes, or -1 if any size is suitable.
    ///   - fill: A closure that stores the received bytes in the memory.
    ///
    /// asyncio: `get_buffer`.
    func withBuffer(sizeHint: Int, _ fill: (inout OutputSpan<UInt8>) throws -> Void) throws

    /// Tells the protocol that `count` bytes have been appended to the memory.
    ///
    /// asyncio: `buffer_updated`.
    func bufferUpdated(_ count: Int) throws
}
