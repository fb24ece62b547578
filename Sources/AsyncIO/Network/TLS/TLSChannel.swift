internal import AsyncIOSystem

// # A channel over a channel
//
//     StreamReader <- tryReceive <- engine <- lower.tryReceive <- the peer
//     StreamWriter -> send       -> engine -> lower.send       -> the peer
//
// The engine performs no I/O, and this class has no buffers. Received bytes are decrypted directly from the memory into
// which they were received. Encrypted bytes are passed immediately to the lower channel, which buffers the bytes that
// the kernel does not accept. Therefore, there is only one write buffer with one pair of water marks, and an idle
// connection uses no memory for buffers.
//
// The lower channel can be any channel, even another TLS channel. TLS over TLS needs no extra code, except to choose
// the half of the loop's buffer that receives the decrypted bytes.
//
// States: handshake → established → closing → lost; `Channel` defines the last two.
//
// - A handshake continues whenever the lower channel becomes readable. A failure, a timeout, `close()`, or the
//   cancellation of the waiting task ends the handshake and the lower channel.
// - Closing: the held bytes and close_notify are sent. Afterward, the peer's bytes are read and dropped until the
//   peer's close_notify arrives, the connection breaks, the peer has sent too much, or time runs out; see
//   TLSChannel+Closing.swift.
// - A stream that ends without the peer's close_notify was truncated. This is an error, because an attacker may have
//   removed the rest of the data.

/// A TLS channel over another channel. Use this type only on the loop's thread.
final class TLSChannel: ByteChannel {
    let lower: ByteChannel
    let context: TLSContext
    let engine: TLSEngine
    /// The name that a client uses for its server. Sessions are saved under this name.
    let host: String?

    var isEstablished = false
    /// Whether the engine may produce plaintext without more bytes from the peer.
    var hasMore = false
    /// Whether the peer's close_notify has arrived.
    var isEnded = false
    /// The plaintext that has not been encrypted yet. Plaintext is held while a large write takes several turns, while
    /// the peer does not accept the encrypted bytes, or while the engine waits for the rest of a protocol message.
    var held = ByteBuffer()
    /// Whether a callback that encrypts more of `held` is already queued.
    private var isFlushQueued = false
    /// The number of encrypted bytes, and the turn in which they were encrypted.
    private var encrypted = (count: 0, turn: UInt64.max)
    /// The state of the channel while it is closing.
    var closing = Closing()
    /// The timer that aborts a handshake or a TLS shutdown that takes too long.
    var timer: TimerHandle?
    /// A callback that is called when the handshake succeeds or fails.
    var onHandshakeEnd: (() -> Void)?
    /// Whether to ignore an error that ends the lower channel.
    var ignoresLoss = false
    private var onReadable: WatchCallback?

    init(over lower: ByteChannel, _ upgrade: TLSUpgrade) throws {
        self.lower = lower
        let context = upgrade.context
        self.context = context
        host = upgrade.host
        let isAddress = upgrade.host.map { Resolver.literal($0, port: 0) != nil } ?? false
        engine = try tlsErrors { () throws(TLSFailure) in
            try TLSEngine(
                context.engine, serverName: isAddress ? nil : upgrade.host,
                // Certificates do not contain zones.
                expectedHost: context.checksHost
                    ? upgrade.host.map { isAddress ? Resolver.split($0).address : $0 } : nil,
                isAddress: isAddress,
                asksChoice: context.sniCallback != nil)
        }
        super.init(on: lower.loop)
        try setWaterMarks(high: 512 * 1024, low: 128 * 1024)
        lower.upper = self
        lower.owner = self
        lower.onPauseChanged = { [weak self] isPaused in
            if !isPaused { self?.flushHeld() }
        }
        lower.onLost = { [weak self] error in self?.lowerIsLost(error) }
    }

    // MARK: Facts

    override var name: String { host ?? lower.name }
    override var localAddress: Endpoint? { lower.localAddress }
    override var peerAddress: Endpoint? { lower.peerAddress }
    override var descriptor: Int32? { lower.descriptor }
    override var tls: TLSInfo? { isEstablished ? TLSInfo(engine) : nil }
    override var depth: Int { lower.depth + 1 }

    // MARK: Reading

    override var isReadable: Bool { hasMore || isEnded || isClosing || lower.isReadable }

    override func tryReceive(atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Int? {
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: half.prefix(count))
        let received = try unsafe tryReceive(into: target)
        if let received, received > 0 { unsafe take(UnsafeRawBufferPointer(rebasing: target[..<received])) }
        return received
    }

    override func tryReceive(into target: UnsafeMutableRawBufferPointer) throws -> Int? {
        try unsafe receive(target.count) { unsafe try decrypt($0, into: target) }
    }

    /// If at least this number of encrypted bytes has arrived, these bytes are decrypted directly into a new array. For
    /// fewer bytes, decrypting into the loop's buffer and copying the result is cheaper than allocating an array with
    /// unused capacity.
    private static let leastDecryptedDirectly = 4096

    override func tryReceive(atMost count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        let received = try unsafe receive(count) { input in
            var received: Int?
            guard input.count >= Self.leastDecryptedDirectly else {
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: half.prefix(count))
                received = unsafe try decrypt(input, into: target)
                unsafe bytes = Array(target[..<(received ?? 0)])
                return received
            }
            // There are fewer decrypted bytes than encrypted bytes. (If part of a record remains, the next call returns
            // it.)
            unsafe bytes = try Array(unsafeUninitializedCapacity: min(count, input.count)) { target, initialized in
                received = unsafe try decrypt(input, into: UnsafeMutableRawBufferPointer(target))
                initialized = received ?? 0
            }
            return received
        }
        return received.map { _ in bytes }
    }

    /// Receives encrypted bytes until `open` produces plaintext.
    private func receive(_ count: Int, _ open: (UnsafeRawBufferPointer) throws -> Int?) throws -> Int? {
        if let error { throw error }
        if isClosing || isEnded { return 0 }
        guard isEstablished else { return nil }
        if hasMore, let received = unsafe try open(UnsafeRawBufferPointer(start: nil, count: 0)) { return received }
        // Request as many encrypted bytes as the decrypted bytes require, but at least a whole record.
        let wanted = unsafe min(max(count, 16_384), half.count - 1024) + 1024
        while true {
            var result: Result<Int?, any Error> = .success(nil)
            let received: Int?
            do {
                received = try unsafe lower.tryReceive(atMost: wanted) { bytes in
                    result = Result { unsafe try open(bytes) }
                }
            } catch {
                throw fail(error)
            }
            guard let received else { return nil }
            if received == 0 { return try endOfInput() }
            // Nil means part of a record, or a message of the TLS protocol itself.
            if let received = try result.get() { return received }
            loop.spend(received)
            if loop.isBudgetSpent { return nil }
        }
    }

    /// Returns the number of plaintext bytes, 0 at the end of the stream, or nil if no bytes are available yet.
    private func decrypt(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws -> Int? {
        var count = 0
        do {
            let outcome = unsafe try engine.read(bytes, into: target, count: &count)
            hasMore = outcome != .wantsInput
            isEnded = outcome == .closed && count == 0
            try flush()
            keepSession()
        } catch {
            throw fail(error)
        }
        return count > 0 || isEnded ? count : nil
    }

    /// The half of the loop's buffer that the lower channel does not use.
    //
    // SAFETY: no other code uses this memory before the next suspension, as with the whole buffer.
    private var half: UnsafeMutableRawBufferPointer {
        let all = unsafe network.receiveBuffer.bytes
        let middle = all.count / 2
        return unsafe UnsafeMutableRawBufferPointer(rebasing: depth % 2 == 1 ? all[middle...] : all[..<middle])
    }

    /// Called when the lower channel reaches the end of its stream without a close_notify.
    private func endOfInput() throws -> Int {
        guard !context.toleratesTruncation, !lower.isClosing else {
            isEnded = true
            return 0
        }
        throw fail(
            TLSError(
                .truncated,
                "the connection to \(name) ended without a TLS close_notify: data may be missing"))
    }

    override func readWaiter() -> Waiter? {
        isReadable ? nil : lower.readWaiter()
    }

    override func wakeReader() { lower.wakeReader() }

    override func whenReadable(_ callback: (() -> Void)?) {
        onReadable?.isRemoved = true
        onReadable = callback.map { WatchCallback($0) }
        // During the handshake and while it is closing, a channel uses the lower channel's callback itself.
        if isEstablished, !isClosing { lower.whenReadable(callback) }
        if hasMore || isEnded || isClosing { loop.queue(onReadable) }
    }

    // MARK: Writing

    override func send(_ bytes: UnsafeRawBufferPointer) throws {
        try checkWritable()
        guard isEstablished else { throw RuntimeError("write() during the TLS handshake") }
        do {
            let sent = held.isEmpty ? unsafe try encrypt(bytes) : 0
            if sent < bytes.count { unsafe held.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
        } catch {
            throw fail(error)
        }
        notePressure()
    }

    override func send(_ pieces: [[UInt8]]) throws {
        try checkWritable()
        var rest = Gathering(pieces)
        // SAFETY: no other code uses the loop's buffer before the next suspension. Small pieces fill a record.
        let memory = unsafe UnsafeMutableRawBufferPointer(rebasing: network.receiveBuffer.bytes.prefix(16_384))
        try unsafe rest.takeBlocks(joiningIn: memory) { unsafe try send($0) }
    }

    /// Encrypts and sends bytes until the limit for this turn is reached or the lower channel accepts no more bytes.
    /// The bytes are encrypted in parts, so that the output of only one part is in memory at a time.
    ///
    /// - Returns: The number of bytes that were sent. The caller keeps the remaining bytes in `held`, and they are sent
    ///   automatically.
    private func encrypt(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        if encrypted.turn != loop.turns { encrypted = (0, loop.turns) }
        var start = 0
        while start < bytes.count {
            guard encrypted.count < Self.mostEncrypted, !lower.isPaused else {
                flushHeldLater()
                break
            }
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(65_536))
            // If the engine wants input, writing continues when it arrives.
            guard unsafe try engine.write(part) == .done else { break }
            start += part.count
            encrypted.count += part.count
            unsafe try engine.takeOutput { unsafe try lower.send($0) }
        }
        return start
    }

    /// The maximum number of bytes to encrypt in one turn. The limit prevents a large write from blocking other
    /// connections.
    private static let mostEncrypted = 1 << 20

    /// Encrypts as many held bytes as possible, and sends the engine's output to the peer.
    func flush() throws {
        if !held.isEmpty { held.dropFirst(try unsafe held.withBytes { unsafe try encrypt($0) }) }
        unsafe try engine.takeOutput { unsafe try lower.send($0) }
        notePressure()
    }

    /// Sends the held bytes in the next turn of the loop, or when the lower channel has room for more bytes.
    private func flushHeldLater() {
        guard !isFlushQueued, !lower.isPaused else { return }
        isFlushQueued = true
        loop.enqueue { [self] in
            isFlushQueued = false
            flushHeld()
        }
    }

    private func flushHeld() {
        guard !held.isEmpty, error == nil, state != .lost else { return }
        do {
            try flush()
            if state == .closing, held.isEmpty { try sayEnd() }
        } catch {
            _ = fail(error)
        }
    }

    override var outgoingCount: Int { lower.outgoingCount + held.count }

    override func setWaterMarks(high: Int, low: Int) throws(ValueError) {
        try super.setWaterMarks(high: high, low: low)
        try lower.setWaterMarks(high: high, low: low)
    }

    override var canSendEOF: Bool { false }

    override func sendEOF() throws {
        throw RuntimeError("a TLS connection cannot be half-closed; use close() to end both halves")
    }

    // MARK: Ending

    override func close() {
        guard !isClosing else { return }
        guard isEstablished, !loop.isClosed else { return abort() }
        beginClosing()
        forgetReader()
        closeGracefully()
    }

    override func abort(with error: (any Error)?) {
        guard state != .lost else { return }
        endSoon(with: error)
        forgetReader()
        lower.abort()
    }

    override func reset() {
        lower.reset()
        abort()
    }

    /// Ends the channel with `error`, and returns the error to throw. The engine's alert is sent to the peer.
    func fail(_ error: any Error) -> any Error {
        let error = (error as? TLSFailure).map { TLSError($0, "TLS with \(name)") } ?? error
        unsafe try? engine.takeOutput { unsafe try lower.send($0) }
        held.removeAll()
        endSoon(with: error)
        forgetReader()
        return self.error ?? error
    }

    /// Stops reading. A task that is waiting for bytes receives the end of the stream.
    private func forgetReader() {
        lower.whenReadable(nil)
        onReadable?.isRemoved = true
        onReadable = nil
        lower.wakeReader()
    }

    private func lowerIsLost(_ error: (any Error)?) { endSoon(with: ignoresLoss ? nil : error) }

    override func release() {
        timer?.cancel()
        timer = nil
        onHandshakeEnd.take()?()
        held.removeAll()
        lower.whenReadable(nil)
        lower.onPauseChanged = nil
        lower.onLost = nil
        lower.close()
    }
}
