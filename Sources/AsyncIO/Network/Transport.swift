internal import Logging

/// A connection that a ``TransportProtocol`` uses. The transport passes received bytes to the protocol, and sends the
/// bytes that the protocol writes.
///
/// The methods never block or suspend. The loop retains the transport while the transport is reading.
///
/// asyncio: `asyncio.Transport`.
public final class Transport: TransportCore {
    // Loop thread only.
    let channel: ByteChannel
    let loop: EventLoop
    private var receiver: Receiver
    /// Whether reading has begun. Reading begins after `connectionMade` has been called.
    private var isStarted = false
    private var isReadingPaused = false
    private var isAtEOF = false
    /// The number of writes that were ignored because the connection was closing or lost; see ``write(_:)``.
    private var lostWrites = 0
    /// The reason that writing is not possible, or nil if writing is possible. Writing is not possible while a file is
    /// being sent, or after the connection has been upgraded to TLS.
    private(set) var hindrance: StaticString?

    /// The protocol, classified by how it receives bytes.
    private enum Receiver {
        case plain(any ConnectionProtocol)
        case buffered(any BufferedProtocol)
        case none(any TransportProtocol)

        init(_ receiver: any TransportProtocol) {
            if let plain = receiver as? any ConnectionProtocol {
                self = .plain(plain)
            } else if let buffered = receiver as? any BufferedProtocol {
                self = .buffered(buffered)
            } else {
                self = .none(receiver)
            }
        }
    }

    /// The maximum number of bytes to receive at a time.
    private static let maxSize = 256 * 1024

    // MARK: Starting

    init(_ channel: ByteChannel, _ receiver: any TransportProtocol) {
        self.channel = channel
        loop = channel.loop
        self.receiver = Receiver(receiver)
        channel.owner = self
        channel.onLost = { [weak self] error in
            guard let self else { return }
            call { try self.protocol.connectionLost(error) }
        }
        channel.onPauseChanged = { [weak self] isPaused in self?.notePressure(isPaused) }
    }

    func notifyConnectionMade() throws { try self.protocol.connectionMade(self) }

    func startReading() {
        isStarted = true
        updateReading()
    }

    /// Creates a transport that replaces another transport on the same connection. The protocol's `connectionMade` is
    /// not called.
    convenience init(continuing channel: ByteChannel, _ receiver: any TransportProtocol) {
        self.init(channel, receiver)
        startReading()
    }

    /// Sets whether a file is being sent. While a file is being sent, the protocol cannot write.
    func setSendingFile(_ isSending: Bool) { hindrance = isSending ? "a file is being sent" : nil }

    /// Gives up the channel and returns it. The transport does not call its protocol again.
    func handOver() -> ByteChannel {
        hindrance = "its connection uses TLS now; use the transport that startTLS() returned"
        pauseReading()
        channel.onLost = nil
        channel.onPauseChanged = nil
        return channel
    }

    // MARK: The protocol

    /// The protocol that the transport calls. You can replace the protocol at any time.
    ///
    /// asyncio: `get_protocol`, `set_protocol`.
    public var `protocol`: any TransportProtocol {
        get {
            switch receiver {
            case .plain(let it): it
            case .buffered(let it): it
            case .none(let it): it
            }
        }
        set { receiver = Receiver(newValue) }
    }

    // MARK: Reading

    /// Whether the transport passes received bytes to the protocol. The property is `false` while reading is paused,
    /// after the end of the stream, and when the transport is closing.
    ///
    /// asyncio: `is_reading`.
    public var isReading: Bool { !isReadingPaused && !isClosing && !isAtEOF }

    /// Stops passing received bytes to the protocol until ``resumeReading()`` is called. Flow control then slows the
    /// peer down. The method does nothing if reading is already paused.
    ///
    /// asyncio: `pause_reading`.
    public func pauseReading() {
        guard isReading else { return }
        isReadingPaused = true
        updateReading()
    }

    /// Resumes passing received bytes to the protocol. The method does nothing if reading is not paused.
    ///
    /// asyncio: `resume_reading`.
    public func resumeReading() {
        guard isReadingPaused, !isClosing else { return }
        isReadingPaused = false
        updateReading()
    }

    private func updateReading() {
        guard isStarted, !isClosing else { return }
        if isReading {
            channel.whenReadable { [self] in readReady() }
        } else {
            channel.whenReadable(nil)
        }
    }

    /// Passes one portion of the readable bytes to the protocol, and queues the next portion, so that other work can
    /// run in between.
    private func readReady() {
        guard isReading else { return }
        let received: Int?
        do {
            switch receiver {
            case .plain(let receiver):
                var bytes: [UInt8] = []
                received = try unsafe channel.tryReceive(atMost: Self.maxSize) { unsafe bytes = Array($0) }
                if !bytes.isEmpty { deliver("dataReceived") { try receiver.dataReceived(bytes) } }
            case .buffered(let receiver):
                received = try receive(into: receiver)
                if let received, received > 0 { deliver("bufferUpdated") { try receiver.bufferUpdated(received) } }
            case .none:
                received = try unsafe channel.tryReceive(atMost: Self.maxSize) { _ in }
            }
        } catch let error as ProtocolFailure {
            return failFatally(error.error, in: error.operation)
        } catch {
            // The channel has failed, and reports the failure itself.
            return noteInDebugMode(error)
        }
        if received == 0 {
            endOfStream()
        } else if isReading, channel.isReadable {
            loop.enqueue { [self] in readReady() }
        }
    }

    private func receive(into receiver: any BufferedProtocol) throws -> Int? {
        var received: Int?
        var isLent = false
        do {
            try receiver.withBuffer(sizeHint: -1) { buffer in
                if isLent { throw RuntimeError("withBuffer() called its closure twice") }
                isLent = true
                guard !buffer.isFull else { throw RuntimeError("withBuffer() lent an empty buffer") }
                received = try channel.tryReceive(into: &buffer)
            }
        } catch {
            throw channel.error == nil ? ProtocolFailure(error: error, operation: "withBuffer") : error
        }
        guard isLent else {
            throw ProtocolFailure(
                error: RuntimeError("withBuffer() did not call its closure"), operation: "withBuffer")
        }
        return received
    }

    private func deliver(_ operation: StaticString, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            loop.handleUncaught(error) { failFatally(error, in: operation) }
        }
    }

    private func endOfStream() {
        guard !isClosing else { return }
        isAtEOF = true
        channel.whenReadable(nil)
        var staysOpen = false
        deliver("eofReceived") { staysOpen = try self.protocol.eofReceived() }
        if !staysOpen || !channel.canSendEOF { close() }
    }

    /// The results of the TLS negotiation (version, cipher, and the peer's certificate), or `nil` if the connection
    /// does not use TLS.
    ///
    /// asyncio: `get_extra_info` with `"cipher"`, `"peercert"`, and `"ssl_object"`.
    public var tls: TLSInfo? { channel.tls }

    // MARK: Writing

    /// Sends the bytes that the system accepts at once, and buffers the rest. When the buffer rises above the
    /// high-water mark, the protocol's `pauseWriting` is called. When the buffer falls to the low-water mark,
    /// `resumeWriting` is called.
    ///
    /// Once the connection is closing or lost, this method does nothing instead of throwing an error, because the
    /// protocol may not have been notified yet. The fifth ignored write logs a warning.
    ///
    /// - Throws: ``RuntimeError`` after ``writeEOF()``, while a file is being sent, or after
    ///   ``EventLoop/startTLS(_:_:_:serverHostname:)``.
    ///
    /// asyncio: `write`.
    public func write(_ bytes: [UInt8]) throws(RuntimeError) {
        guard try mayWrite(), !bytes.isEmpty else { return }
        do { try channel.send(bytes) } catch { try pass(error) }
    }

    /// Sends `text` as UTF-8; see ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``.
    public func write(_ text: String) throws(RuntimeError) { try write(Array(text.utf8)) }

    /// Sends the bytes of `span`. Bytes that the system does not accept at once are copied into the buffer; see
    /// ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``.
    public func write(_ bytes: RawSpan) throws(RuntimeError) {
        guard try mayWrite(), bytes.byteCount > 0 else { return }
        do { try channel.send(bytes) } catch { try pass(error) }
    }

    /// Sends all elements of `lines` in order. Many elements can be sent with one system call, without being joined
    /// first. No newlines are added.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``.
    ///
    /// asyncio: `writelines`.
    @inlinable
    public func writeLines(_ lines: some Sequence<[UInt8]>) throws(RuntimeError) { try write(pieces: Array(lines)) }

    @usableFromInline
    func write(pieces: [[UInt8]]) throws(RuntimeError) {
        guard try mayWrite() else { return }
        do { try channel.send(pieces) } catch { try pass(error) }
    }

    private func mayWrite() throws(RuntimeError) -> Bool {
        if let hindrance { throw RuntimeError("unable to write; \(hindrance)") }
        guard isClosing else { return true }
        lostWrites += 1
        if lostWrites == 5 { EventLoop.warn("write() on a transport that is closed: \(description)") }
        return false
    }

    /// Throws `error` if the caller caused it. If the channel has failed, the channel itself reports the failure.
    private func pass(_ error: any Error) throws(RuntimeError) {
        if let mistake = error as? RuntimeError { throw mistake }
        noteInDebugMode(error)
    }

    private func notePressure(_ isPaused: Bool) {
        call { isPaused ? try self.protocol.pauseWriting() : try self.protocol.resumeWriting() }
    }

    /// Ends the sending half of the connection after the buffered data is sent. Reading continues. The method does
    /// nothing if the sending half has already ended or the transport is closing.
    ///
    /// - Throws: ``RuntimeError`` if ``canWriteEOF`` is `false`, while a file is being sent, or after
    ///   ``EventLoop/startTLS(_:_:_:serverHostname:)``.
    ///
    /// asyncio: `write_eof`.
    public func writeEOF() throws(RuntimeError) {
        if isClosing { return }
        if let hindrance { throw RuntimeError("unable to end writing; \(hindrance)") }
        guard canWriteEOF else { throw RuntimeError("writeEOF(): this transport cannot be half-closed") }
        do { try channel.sendEOF() } catch { try pass(error) }
    }

    /// Whether the sending half of the connection can be ended separately.
    ///
    /// asyncio: `can_write_eof`.
    public var canWriteEOF: Bool { channel.canSendEOF }

    /// The number of bytes that are waiting to be sent.
    ///
    /// asyncio: `get_write_buffer_size`.
    public var writeBufferSize: Int { channel.outgoingCount }

    /// The water marks of the write buffer, in bytes. The protocol is paused when more than `high` bytes are buffered
    /// and resumed when at most `low` bytes are buffered.
    ///
    /// asyncio: `get_write_buffer_limits`.
    public var writeBufferLimits: (low: Int, high: Int) { (channel.lowWater, channel.highWater) }

    /// Sets the water marks of the write buffer. The change can pause or resume the protocol at once.
    ///
    /// - Parameters:
    ///   - high: The high-water mark in bytes, or `nil` for four times `low` (64 KiB if `low` is also `nil`).
    ///   - low: The low-water mark in bytes, or `nil` for a quarter of `high`.
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

    /// Stops reading, sends the buffered data, and closes the connection. The protocol's `connectionLost` is then
    /// called. Further calls do nothing.
    ///
    /// asyncio: `close`.
    public func close() { channel.close() }

    /// Closes the connection at once, without sending buffered data. As in asyncio, the peer sees a normal end of the
    /// stream, unless some of the bytes that it sent were not read; see ``reset()``.
    ///
    /// asyncio: `abort`.
    public func abort() { channel.abort() }

    /// Resets the connection at once, so that the peer's next read fails; see ``StreamWriter/reset()``.
    ///
    /// asyncio: `SO_LINGER` with a time of 0, and `abort`.
    public func reset() { channel.reset() }

    /// Reports an error that the protocol threw, and ends the connection with this error.
    private func failFatally(_ error: any Error, in operation: StaticString) {
        loop.callExceptionHandler(
            ExceptionContext(
                message: "Fatal error: protocol.\(operation)() call failed.", error: error, subject: description))
        channel.abort(with: error)
    }

    private func noteInDebugMode(_ error: any Error) {
        if loop.debug { Logger(label: "asyncio").debug("\(description): \(describe(error))") }
    }

    // MARK: Facts

    /// The local address of the connection.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: Endpoint? { channel.localAddress }

    /// The address of the peer.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: Endpoint? { channel.peerAddress }

    /// The descriptor of the connection, or `nil` once the transport is closed. You can use the descriptor, for
    /// example, to set socket options. The transport still owns the descriptor, which must stay non-blocking.
    ///
    /// asyncio: `get_extra_info("socket")`, `"pipe"`.
    public var descriptor: Int32? { channel.descriptor }
}

extension Transport: CustomStringConvertible {
    /// A description of the transport, for use in messages.
    public var description: String {
        "Transport (\(channel.name)\(isClosing ? ", closing" : isReading ? "" : ", not reading"))"
    }
}

@available(*, unavailable, message: "a transport belongs to its loop's thread")
extension Transport: Sendable {}

/// An error that a protocol threw, wrapped to distinguish it from the channel's own errors.
private struct ProtocolFailure: Error {
    let error: any Error
    let operation: StaticString
}
