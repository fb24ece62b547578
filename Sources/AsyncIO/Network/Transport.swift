internal import Logging

/// A connection as a ``TransportProtocol`` sees it: it calls the protocol with what comes, and
/// takes what is to be sent.
///
/// Nothing of it blocks or suspends. While it reads, the loop keeps it alive.
///
/// asyncio: `asyncio.Transport`.
public final class Transport {
    // Loop thread only.
    let channel: ByteChannel
    private let loop: EventLoop
    private var receiver: Receiver
    /// Whether reading has begun: not before `connectionMade`.
    private var isStarted = false
    private var isReadingPaused = false
    private var isAtEOF = false
    /// Writes after the end, which are ignored; see ``write(_:)``.
    private var lostWrites = 0
    /// Why nothing may be written, if that is so: nothing may come between the bytes of a file,
    /// nor those of TLS.
    private(set) var hindrance: StaticString?

    /// The protocol by what it takes.
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

    /// At most so many bytes are received at once.
    private static let maxSize = 256 * 1024

    // MARK: Beginning

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

    /// Tells the protocol, then reads, then completes `waiter`: each in its own place in the
    /// queue, so that no data comes before `connectionMade` has returned.
    func start(releasing waiter: Waiter? = nil) {
        loop.ready.append(.handle(Handle(.callback { [self] in try self.protocol.connectionMade(self) })))
        loop.ready.append(
            .handle(
                Handle(
                    .callback { [self] in
                        isStarted = true
                        updateReading()
                    })))
        if let waiter { loop.ready.append(.handle(Handle(.complete(waiter)))) }
    }

    /// A transport whose protocol had another one for the same connection: it is told nothing.
    convenience init(continuing channel: ByteChannel, _ receiver: any TransportProtocol) {
        self.init(channel, receiver)
        isStarted = true
        updateReading()
    }

    /// While `isSending`, the transport belongs to a file.
    func setSendingFile(_ isSending: Bool) { hindrance = isSending ? "a file is being sent" : nil }

    /// Gives the channel away: the protocol hears no more of it from here.
    func handOver() -> ByteChannel {
        hindrance = "its connection has TLS now; use the transport that startTLS() returned"
        pauseReading()
        channel.onLost = nil
        channel.onPauseChanged = nil
        return channel
    }

    /// Starts, and returns when the protocol knows; closes the connection if the wait is cancelled.
    nonisolated(nonsending) func startAndWait() async throws {
        let waiter = Waiter(for: "a transport to start")
        start(releasing: waiter)
        do {
            try await waiter.wait()
        } catch {
            close()
            throw error
        }
    }

    // MARK: The protocol

    /// Who is called; may be replaced at any time.
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

    /// Calls the protocol from where nobody waits for what it throws.
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

    // MARK: Reading

    /// Whether the protocol is called with what comes: not while reading is paused, nor after
    /// the end of the stream, nor when the transport is closing.
    ///
    /// asyncio: `is_reading`.
    public var isReading: Bool { !isReadingPaused && !isClosing && !isAtEOF }

    /// Stops calling the protocol with what comes, until ``resumeReading()``: the peer is slowed
    /// down. Does nothing if it is so already.
    ///
    /// asyncio: `pause_reading`.
    public func pauseReading() {
        guard isReading else { return }
        isReadingPaused = true
        updateReading()
    }

    /// Calls the protocol with what comes again. Does nothing if it is so already.
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

    /// The channel has something: one portion of it goes to the protocol, so that others get
    /// their turn.
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
            // The channel has failed, and tells so itself.
            return noteInDebugMode(error)
        }
        if received == 0 {
            endOfStream()
        } else if isReading, channel.isReadable {
            loop.ready.append(.handle(Handle(.callback { [self] in readReady() })))
        }
    }

    private func receive(into receiver: any BufferedProtocol) throws -> Int? {
        var received: Int?
        var isLent = false
        do {
            try receiver.withBuffer(sizeHint: -1) { buffer in
                if isLent { throw RuntimeError("withBuffer() called the closure that it was given twice") }
                isLent = true
                guard buffer.byteCount > 0 else { throw RuntimeError("withBuffer() lent an empty buffer") }
                received = try channel.tryReceive(into: &buffer)
            }
        } catch {
            throw channel.error == nil ? ProtocolFailure(error: error, operation: "withBuffer") : error
        }
        guard isLent else {
            throw ProtocolFailure(
                error: RuntimeError("withBuffer() did not call the closure that it was given"), operation: "withBuffer")
        }
        return received
    }

    private func deliver(_ operation: StaticString, _ body: () throws -> Void) {
        do {
            try body()
        } catch let interrupt as KeyboardInterrupt {
            loop.escaping = interrupt
        } catch {
            failFatally(error, in: operation)
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

    /// What TLS has agreed on: version, cipher, the peer's certificate; nil without TLS.
    ///
    /// asyncio: `get_extra_info` of `"cipher"`, `"peercert"`, `"ssl_object"`.
    public var tls: TLSInfo? { channel.tls }

    // MARK: Writing

    /// Sends what the system takes at once, and keeps the rest to be sent later. The protocol's
    /// `pauseWriting` and `resumeWriting` tell when too much is kept.
    ///
    /// After the connection is lost, or closing, it does nothing, since a protocol may not know
    /// yet; from the fifth time on, that is logged.
    ///
    /// - Throws: ``RuntimeError`` after ``writeEOF()``, while a file is sent, and after
    ///   ``EventLoop/startTLS(_:_:_:serverHostname:)``.
    ///
    /// asyncio: `write`.
    public func write(_ bytes: [UInt8]) throws(RuntimeError) {
        guard try mayWrite(), !bytes.isEmpty else { return }
        do { try channel.send(bytes) } catch { try pass(error) }
    }

    /// Sends `text` as UTF-8; see ``write(_:)-([UInt8])``.
    public func write(_ text: String) throws(RuntimeError) { try write(Array(text.utf8)) }

    /// Sends the bytes of `span`; what the system does not take at once is copied.
    public func write(_ bytes: RawSpan) throws(RuntimeError) {
        guard try mayWrite(), bytes.byteCount > 0 else { return }
        do { try channel.send(bytes) } catch { try pass(error) }
    }

    /// Sends all of `lines`, one after the other, at once: many in one system call, without joining
    /// them first. Adds no newlines.
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

    /// A mistake of the caller is the caller's; a failed channel tells so itself.
    private func pass(_ error: any Error) throws(RuntimeError) {
        if let mistake = error as? RuntimeError { throw mistake }
        noteInDebugMode(error)
    }

    private func notePressure(_ isPaused: Bool) {
        call { isPaused ? try self.protocol.pauseWriting() : try self.protocol.resumeWriting() }
    }

    /// Ends the sending half, after what is kept; reading goes on. Calling it again does nothing.
    ///
    /// - Throws: ``RuntimeError`` if the transport is closing, or ``canWriteEOF`` is false.
    ///
    /// asyncio: `write_eof`.
    public func writeEOF() throws(RuntimeError) {
        if isClosing { return }
        if let hindrance { throw RuntimeError("unable to end writing; \(hindrance)") }
        guard canWriteEOF else { throw RuntimeError("writeEOF(): this transport has no end for one half") }
        do { try channel.sendEOF() } catch { try pass(error) }
    }

    /// Whether the sending half can end by itself.
    ///
    /// asyncio: `can_write_eof`.
    public var canWriteEOF: Bool { channel.canSendEOF }

    /// How many bytes are kept, waiting to be sent.
    ///
    /// asyncio: `get_write_buffer_size`.
    public var writeBufferSize: Int { channel.outgoingCount }

    /// From more than how many kept bytes on the protocol is paused, and at how many it resumes.
    ///
    /// asyncio: `get_write_buffer_limits`.
    public var writeBufferLimits: (low: Int, high: Int) { (channel.lowWater, channel.highWater) }

    /// Sets the limits; it may pause or resume the protocol at once.
    ///
    /// - Parameters:
    ///   - high: nil for 64 KiB, or for four times `low` if that is given.
    ///   - low: nil for a quarter of `high`.
    /// - Throws: ``ValueError`` unless `high >= low >= 0`.
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

    /// Reads no more, sends what is kept, and ends: then `connectionLost` is called. Calling it
    /// again does nothing.
    ///
    /// asyncio: `close`.
    public func close() { channel.close() }

    /// Ends at once; what is kept is not sent. To the peer that looks like an ordinary end,
    /// as in asyncio, unless it has sent something that was not read; see ``reset()``.
    ///
    /// asyncio: `abort`.
    public func abort() { channel.abort() }

    /// Ends at once, and lets the peer know that the connection broke; see
    /// ``StreamWriter/reset()``.
    ///
    /// asyncio: `SO_LINGER` with a time of 0, and `abort`.
    public func reset() { channel.reset() }

    /// The protocol has failed.
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

    /// This side's address.
    ///
    /// asyncio: `get_extra_info("sockname")`.
    public var localAddress: SocketAddress? { channel.localAddress }

    /// The other side's address.
    ///
    /// asyncio: `get_extra_info("peername")`.
    public var peerAddress: SocketAddress? { channel.peerAddress }

    /// The descriptor, for options and the like; it stays the transport's, and stays
    /// non-blocking. nil once it is closed.
    ///
    /// asyncio: `get_extra_info("socket")`, `"pipe"`.
    public var descriptor: Int32? { channel.descriptor }
}

extension Transport: CustomStringConvertible {
    public var description: String {
        "Transport (\(channel.name)\(isClosing ? ", closing" : isReading ? "" : ", not reading"))"
    }
}

@available(*, unavailable, message: "a transport belongs to its loop's thread")
extension Transport: Sendable {}

/// An error that a protocol threw where the channel's own may come too.
private struct ProtocolFailure: Error {
    let error: any Error
    let operation: StaticString
}
