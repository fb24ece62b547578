/// The sending end of a stream.
///
/// asyncio: `asyncio.StreamWriter`.
public final class StreamWriter {
    /// The channel below the stream. ``startTLS(_:serverHostname:)`` replaces this channel.
    @safe @exclusivity(unchecked) private(set) var channel: ByteChannel
    /// The reader of the same connection. Its channel is replaced together with the writer's channel.
    private weak var reader: StreamReader?

    /// Creates a writer.
    ///
    /// - Parameter reader: The reader of the same connection, or nil if the connection has no reader, as for a pipe.
    init(channel: ByteChannel, reader: StreamReader? = nil) {
        self.channel = channel
        self.reader = reader
    }

    // MARK: TLS

    /// Upgrades the connection to TLS. Use this method for protocols that begin in plain text and switch to TLS after a
    /// command (STARTTLS).
    ///
    /// Buffered data is sent first. Bytes that the reader has already buffered are treated as TLS data, so that no
    /// plain-text data is mistaken for protected data.
    ///
    /// - Parameters:
    ///   - context: A client context or a server context, depending on this side's role.
    ///   - serverHostname: For a client, the name for which the server's certificate must be valid.
    /// - Throws: ``ValueError`` if a client has no name to check; ``RuntimeError`` if another task is reading. In these
    ///   cases, the connection continues unchanged. ``TLSError`` or ``OSError`` if the handshake fails;
    ///   `CancellationError` if the task is cancelled during the handshake. In these cases, the connection is closed.
    ///
    /// asyncio: `StreamWriter.start_tls`.
    public func startTLS(_ context: TLSContext, serverHostname: String? = nil) async throws {
        let upgrade = try TLSUpgrade(context, serverHostname: serverHostname)
        try reader?.checkIdle("startTLS")
        try await drain()
        let early = try reader?.beginChange("startTLS") ?? []
        defer { reader?.endChange(to: channel) }
        channel = try await upgrade(channel, early: early)
    }

    /// The results of the TLS negotiation (version, cipher, and the peer's certificate), or `nil` if the connection
    /// does not use TLS.
    ///
    /// asyncio: `get_extra_info` with `"cipher"`, `"peercert"`, and `"ssl_object"`.
    public var tls: TLSInfo? { channel.tls }

    // MARK: Writing

    /// Sends `bytes`.
    ///
    /// Bytes that the kernel does not accept at once are buffered and sent later. If the buffer exceeds the high-water
    /// mark, this method waits until the buffer falls to the low-water mark, so a slow peer slows the writer down. The
    /// marks are 64 KiB and 16 KiB by default, and 512 KiB and 128 KiB with TLS. If the peer is fast and the task has
    /// sent a lot of data without waiting, the task yields to other tasks for one turn of the loop.
    ///
    /// - Parameter bytes: The bytes to send.
    /// - Throws: ``OSError`` if the connection is lost; ``RuntimeError`` after ``close()`` or ``writeEOF()``;
    ///   `CancellationError` if the task is cancelled while it waits. The bytes are still sent in that case.
    ///
    /// asyncio: `StreamWriter.write` and `drain`.
    //
    // This method is inlined, like the overload for spans, because it rarely waits. After inlining, the caller needs no
    // frame for it.
    @inlinable
    @inline(__always)
    public func write(_ bytes: [UInt8]) async throws {
        if try send(bytes) { try await drainAll() }
    }

    /// Sends `text` as UTF-8; see ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError` if the task is cancelled.
    public func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// Sends the bytes of a collection, such as an array slice; see ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError` if the task is cancelled.
    /// - Complexity: O(*n*), where *n* is the number of bytes. The bytes are copied.
    @inlinable
    public func write(_ bytes: some Collection<UInt8>) async throws {
        try await write(Array(bytes))
    }

    /// Sends the bytes of `span`. Only bytes that the kernel does not accept at once are copied. See
    /// ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError` if the task is cancelled.
    @inlinable
    @inline(__always)
    public func write(_ span: RawSpan) async throws {
        if try send(span) { try await drainAll() }
    }

    /// Sends all elements of `lines` in order. Many elements can be sent with one system call, without being joined
    /// first. No newlines are added.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError` if the task is cancelled.
    ///
    /// asyncio: `StreamWriter.writelines` and `drain`.
    @inlinable
    public func writeLines(_ lines: some Sequence<[UInt8]>) async throws {
        if try send(Array(lines)) { try await drainAll() }
    }

    // These methods return whether the writer must wait, because too many bytes are buffered or were sent without
    // waiting.

    @usableFromInline
    func send(_ bytes: [UInt8]) throws -> Bool {
        try channel.send(bytes)
        return mustWait(after: bytes.count)
    }

    @usableFromInline
    func send(_ span: RawSpan) throws -> Bool {
        try channel.send(span)
        return mustWait(after: span.byteCount)
    }

    @usableFromInline
    func send(_ pieces: [[UInt8]]) throws -> Bool {
        try channel.send(pieces)
        return mustWait(after: pieces.reduce(0) { $0 + $1.count })
    }

    @inline(__always)
    private func mustWait(after count: Int) -> Bool {
        EventLoop.spend(count) || channel.isPaused
    }

    @usableFromInline
    func drainAll() async throws {
        if !channel.isPaused { try await giveWay() }
        try await channel.drain()
    }

    /// Waits until the write buffer falls to the low-water mark. The method returns at once if the buffer has not
    /// exceeded the high-water mark. ``write(_:)-([UInt8])`` waits in the same way.
    ///
    /// - Throws: ``OSError`` if the connection is lost; `CancellationError` if the task is cancelled, in which case the
    ///   buffered data is still sent.
    ///
    /// asyncio: `StreamWriter.drain`.
    public func drain() async throws {
        // During this pause, a loss that is already queued can be processed.
        if channel.isClosing { try await sleep(.zero) }
        try await channel.drain()
    }

    /// Ends the sending half of the connection after the buffered data is sent. Reading continues.
    ///
    /// A TLS connection cannot be half-closed. On such a connection, ``canWriteEOF`` is `false`, and only
    /// ``close()`` tells the peer that no more data follows.
    ///
    /// - Throws: ``OSError`` if the connection is lost; ``RuntimeError`` after ``close()``, or if ``canWriteEOF`` is
    ///   `false`.
    ///
    /// asyncio: `StreamWriter.write_eof`.
    public func writeEOF() throws { try channel.sendEOF() }

    /// Whether the sending half of the connection can be ended separately. This property is `false` for a TLS
    /// connection.
    ///
    /// asyncio: `StreamWriter.can_write_eof`.
    public var canWriteEOF: Bool { channel.canSendEOF }

    /// The number of bytes that are waiting to be sent.
    ///
    /// asyncio: `transport.get_write_buffer_size`.
    public var bufferedCount: Int { channel.outgoingCount }

    /// Sets the water marks of the write buffer. When more than `high` bytes are buffered, writers wait until at most
    /// `low` bytes are buffered.
    ///
    /// - Parameters:
    ///   - high: The high-water mark in bytes, or `nil` for four times `low` (64 KiB if `low` is also `nil`). If the
    ///     mark is 0, each write waits until the system has accepted all bytes.
    ///   - low: The low-water mark in bytes, or `nil` for a quarter of `high`.
    /// - Throws: ``ValueError`` unless `high >= low >= 0`.
    ///
    /// asyncio: `transport.set_write_buffer_limits`.
    public func setWaterMarks(high: Int? = nil, low: Int? = nil) throws(ValueError) {
        try channel.setWaterMarks(high: high, low: low)
    }

    // MARK: Ending

    /// Closes the connection. Reading stops at once, and buffered data is sent before the connection closes. Further
    /// calls do nothing.
    ///
    /// asyncio: `StreamWriter.close`.
    public func close() { channel.close() }

    /// Closes the connection at once, without sending buffered data. As in asyncio, the peer sees a normal end of the
    /// stream, unless some of the bytes that it sent were not read; see ``reset()``.
    ///
    /// asyncio: `transport.abort`.
    public func abort() { channel.abort() }

    /// Resets the connection at once. The peer's next read fails with "Connection reset by peer", so the peer cannot
    /// mistake a partial response for a complete one. Only TCP supports resets. For Unix sockets and pipes, this method
    /// does the same as ``abort()``.
    ///
    /// asyncio: `SO_LINGER` with a time of 0, and `transport.abort`.
    public func reset() { channel.reset() }

    /// Whether the connection is closed or closing.
    ///
    /// asyncio: `StreamWriter.is_closing`.
    public var isClosing: Bool { channel.isClosing }

    /// Waits until the connection is closed.
    ///
    /// - Throws: The error that ended the connection, if any; `CancellationError` if the task is cancelled, in which
    ///   case the connection continues to close.
    ///
    /// asyncio: `StreamWriter.wait_closed`.
    public func waitClosed() async throws { try await channel.waitClosed() }

    // MARK: Facts

    /// The local address of the connection.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: Endpoint? { channel.localAddress }

    /// The address of the peer.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: Endpoint? { channel.peerAddress }

    /// The descriptor of the connection, or `nil` once the connection is closed. You can use the descriptor, for
    /// example, to set socket options. The stream still owns the descriptor.
    ///
    /// asyncio: `get_extra_info("socket")`.
    public var descriptor: Int32? { channel.descriptor }
}
