/// The sending end of a stream.
///
/// asyncio: `asyncio.StreamWriter`.
public final class StreamWriter {
    /// Another one after ``startTLS(_:serverHostname:)``.
    @safe @exclusivity(unchecked) private(set) var channel: ByteChannel
    /// The receiving end, which changes its channel with this one.
    private weak var reader: StreamReader?

    /// - Parameter reader: nil for a pipe, which has no other end.
    init(channel: ByteChannel, reader: StreamReader? = nil) {
        self.channel = channel
        self.reader = reader
    }

    // MARK: TLS

    /// Continues the connection with TLS, as the protocols do that begin in plain text and have a
    /// word for it (STARTTLS). Sends first what is kept. Bytes that the reader has already count as
    /// the beginning of TLS, so that nothing that came unprotected is taken for protected.
    ///
    /// - Parameters:
    ///   - context: a client's, or a server's: that is the side which this end takes.
    ///   - serverHostname: on a client's side, the name that the server's certificate must be for.
    /// - Throws: ``ValueError`` if there is no name to check; ``RuntimeError`` if another task is
    ///   reading; ``TLSError`` or ``OSError`` if the handshake fails, and `CancellationError`: the
    ///   connection is closed then.
    ///
    /// asyncio: `StreamWriter.start_tls`.
    public nonisolated(nonsending) func startTLS(_ context: TLSContext, serverHostname: String? = nil) async throws {
        let upgrade = try TLSUpgrade(context, serverHostname: serverHostname)
        try reader?.checkIdle("startTLS")
        try await drain()
        let early = try reader?.beginChange("startTLS") ?? []
        defer { reader?.endChange(to: channel) }
        channel = try await upgrade(channel, early: early)
    }

    /// What TLS has agreed on: version, cipher, the peer's certificate; nil without TLS.
    ///
    /// asyncio: `get_extra_info` of `"cipher"`, `"peercert"`, `"ssl_object"`.
    public var tls: TLSInfo? { channel.tls }

    // MARK: Writing

    /// Sends `bytes`. What the kernel does not take at once is kept and sent later; if that
    /// is more than the high-water mark (64 KiB), waits until it is below the low one
    /// (16 KiB): a slow peer slows the writer down. A task that has sent much without waiting, since its
    /// peer is fast, gives way to others for a turn of the loop.
    ///
    /// - Throws: ``OSError`` if the connection is lost; ``RuntimeError`` after ``close()`` or
    ///   ``writeEOF()``; `CancellationError` while it waits: the bytes are sent all the same.
    ///
    /// asyncio: `StreamWriter.write` and `drain`.
    //
    // Inlined, like the next but one, since it seldom waits: the caller needs no frame for it.
    @inlinable
    @inline(__always)
    public nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
        if try send(bytes) { try await drainAll() }
    }

    /// Sends `text` as UTF-8; see ``write(_:)-([UInt8])``.
    public nonisolated(nonsending) func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// Sends the bytes of `span` without a copy; what the kernel does not take at once is
    /// copied. See ``write(_:)-([UInt8])``.
    @inlinable
    @inline(__always)
    public nonisolated(nonsending) func write(_ span: RawSpan) async throws {
        if try send(span) { try await drainAll() }
    }

    /// Sends all of `lines`, one after the other, at once: many in one system call, without joining
    /// them first. Adds no newlines.
    ///
    /// - Throws: as ``write(_:)-([UInt8])``.
    ///
    /// asyncio: `StreamWriter.writelines` and `drain`.
    @inlinable
    public nonisolated(nonsending) func writeLines(_ lines: some Sequence<[UInt8]>) async throws {
        if try send(Array(lines)) { try await drainAll() }
    }

    // Whether the writer is to wait: so much is kept, or was sent without a wait.

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
    nonisolated(nonsending) func drainAll() async throws {
        if !channel.isPaused { try await giveWay() }
        try await channel.drain()
    }

    /// Waits until little enough is kept, if it was too much. ``write(_:)-([UInt8])`` does so
    /// itself.
    ///
    /// - Throws: ``OSError`` if the connection is lost; `CancellationError`.
    ///
    /// asyncio: `StreamWriter.drain`.
    public nonisolated(nonsending) func drain() async throws {
        // So that a loss that is on its way is noticed.
        if channel.isClosing { try await sleep(.zero) }
        try await channel.drain()
    }

    /// Ends the sending half, after what is kept; reading goes on.
    ///
    /// - Throws: ``OSError`` if the connection is lost; ``RuntimeError`` after ``close()``.
    ///
    /// asyncio: `StreamWriter.write_eof`.
    public func writeEOF() throws { try channel.sendEOF() }

    /// Whether the sending half can end by itself: not with TLS.
    ///
    /// asyncio: `StreamWriter.can_write_eof`.
    public var canWriteEOF: Bool { channel.canSendEOF }

    /// How many bytes are kept, waiting to be sent.
    ///
    /// asyncio: `transport.get_write_buffer_size`.
    public var bufferedCount: Int { channel.outgoingCount }

    /// Sets from how many kept bytes on writers wait, and below how many they go on.
    ///
    /// - Throws: ``ValueError`` unless `high >= low >= 0`.
    ///
    /// asyncio: `transport.set_write_buffer_limits`.
    public func setWaterMarks(high: Int, low: Int) throws(ValueError) {
        try channel.setWaterMarks(high: high, low: low)
    }

    // MARK: Ending

    /// Ends the connection: nothing is read any more, what is kept is still sent. Calling it
    /// again does nothing.
    ///
    /// asyncio: `StreamWriter.close`.
    public func close() { channel.close() }

    /// Ends the connection at once; what is kept is not sent. To the peer that looks like an
    /// ordinary end, as in asyncio, unless it has sent something that was not read; see
    /// ``reset()``.
    ///
    /// asyncio: `transport.abort`.
    public func abort() { channel.abort() }

    /// Ends the connection at once, and lets the peer know that it broke: its next read fails
    /// with "Connection reset by peer". So half an answer is not taken for a whole one.
    /// That is what TCP can say; on Unix sockets and pipes it is ``abort()``.
    ///
    /// asyncio: `SO_LINGER` with a time of 0, and `transport.abort`.
    public func reset() { channel.reset() }

    /// Whether the connection has ended or is about to.
    ///
    /// asyncio: `StreamWriter.is_closing`.
    public var isClosing: Bool { channel.isClosing }

    /// Waits until the connection has ended.
    ///
    /// - Throws: what it ended with, if that was an error; `CancellationError`.
    ///
    /// asyncio: `StreamWriter.wait_closed`.
    public nonisolated(nonsending) func waitClosed() async throws { try await channel.waitClosed() }

    // MARK: Facts

    /// This side's address.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: SocketAddress? { channel.localAddress }

    /// The other side's address.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: SocketAddress? { channel.peerAddress }

    /// The descriptor, for options and the like; it stays the stream's. nil once it is closed.
    ///
    /// asyncio: `get_extra_info("socket")`.
    public var descriptor: Int32? { channel.descriptor }
}
