internal import AsyncIOSystem
internal import SystemPackage

// # A descriptor's two halves
//
// A read is attempted immediately, and the task waits for an edge only if no bytes are available. If a read returns
// fewer bytes than requested, it has drained the descriptor. Therefore, a request costs only one `recv`, without a
// second call that returns EAGAIN. (The exception is a peer that has hung up, because the edge for its last bytes also
// announces the end.) If a peer sends faster than the program reads, the peer's own kernel slows it down.
//
// A write is also attempted immediately. Bytes that do not fit are buffered and sent when there is room.
//
// A pipe has only one half. When the poller reports that the pipe no longer has a reader, the writing end closes. It
// fails with an error if it still has buffered bytes.

/// A connected socket, an end of a pipe, or a terminal. Use this type only on the loop's thread.
final class Connection: ByteChannel {
    /// The directions in which a connection can transfer bytes.
    enum Direction { case both, reading, writing }

    // The properties that each receive and send uses come first, so that they are close together in memory.
    private let watch: Watch
    private let bytes: ByteDescriptor
    private let direction: Direction
    private let isTerminal: Bool
    @safe @exclusivity(unchecked) private var isEOFRequested = false
    /// The number of bytes that the last receive returned. The next receive is likely to return the same number.
    @safe @exclusivity(unchecked) private var latestCount = 0
    @safe @exclusivity(unchecked) private var outgoing = ByteBuffer()

    /// The descriptor as a socket, or nil if the connection is a pipe or a terminal.
    private let socket: Socket?
    private let local: Endpoint?
    /// The address of the peer, which a proxy may have announced.
    private var peer: Endpoint?
    /// The tasks that are waiting for `outgoing` to become empty.
    private var emptiers: WaitQueue?
    /// Whether the connection closes without a warning if it is abandoned. This property is set, for example, for the
    /// pipes of child processes.
    var closesQuietly = false

    // MARK: Creating connections

    /// Creates a connection over a connected socket. The socket is closed when the connection ends, or if this
    /// initializer throws an error.
    convenience init(_ socket: Socket, on loop: EventLoop, peer: SystemAddress?) throws(Errno) {
        let peer = peer ?? socket.peerAddress
        if peer?.isInternet ?? false { try? socket.setNoDelay() }
        try self.init(accepted: socket, peer: peer, on: loop)
    }

    /// Creates a connection over an accepted socket, which already has the options of its server.
    init(accepted socket: Socket, peer: SystemAddress?, on loop: EventLoop) throws(Errno) {
        bytes = socket
        self.socket = socket
        direction = .both
        isTerminal = false
        local = socket.localAddress.map(Endpoint.init)
        self.peer = peer.map(Endpoint.init)
        watch = try loop.watch(socket.descriptor)
        super.init(on: loop)
        watch.ownerBits = Unretained(self).bits
        network.connections += 1
    }

    /// Creates a connection over an end of a pipe, a terminal, or a socket that is used in one direction. The
    /// descriptor is made non-blocking. The descriptor is closed when the connection ends, or if this initializer
    /// throws an error.
    ///
    /// - Throws: ``ValueError`` if the descriptor is of any other kind, such as a regular file; ``OSError`` if the
    ///   descriptor cannot be watched.
    init(pipe: ByteDescriptor, _ direction: Direction, on loop: EventLoop) throws {
        let kind = pipe.kind
        guard kind != .other, kind != .file else {
            throw ValueError("descriptor \(pipe.descriptor) is not a pipe, a socket or a character device")
        }
        bytes = pipe
        socket = nil
        self.direction = direction
        isTerminal = kind == .terminal
        (local, peer) = (nil, nil)
        do {
            try pipe.prepare()
            watch = try loop.watch(pipe.descriptor)
        } catch {
            throw OSError(error, "watching descriptor \(pipe.descriptor)")
        }
        super.init(on: loop)
        watch.ownerBits = Unretained(self).bits
        if direction == .writing {
            watch.onReadable = WatchCallback { [weak self] in self?.noticeHangUp() }
        }
    }

    deinit {
        if EventLoop.here === loop {
            loop.unwatch(watch)
            if state != .lost { uncount() }
        }
        guard state == .open, !closesQuietly else { return }
        EventLoop.report(
            ExceptionContext(message: "unclosed connection; call close() on its writer", subject: name),
            of: loop)
    }

    // MARK: Facts

    override var name: String {
        peer.map(\.description) ?? (socket == nil ? "pipe" : "connection")
    }
    override var localAddress: Endpoint? { local }
    override var peerAddress: Endpoint? { peer }
    override func setPeer(_ address: Endpoint) { peer = address }
    override var descriptor: Int32? { bytes.descriptor < 0 ? nil : bytes.descriptor }
    override var outgoingCount: Int { outgoing.count }

    // MARK: Reading

    override func tryReceive(atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Int? {
        // SAFETY: no other code uses the loop's buffer before the next suspension, and `take` copies the bytes.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: network.receiveBuffer.bytes.prefix(count))
        let received = try unsafe tryReceive(into: target)
        if let received, received > 0 { unsafe take(UnsafeRawBufferPointer(rebasing: target[..<received])) }
        return received
    }

    override func tryReceive(into target: UnsafeMutableRawBufferPointer) throws -> Int? {
        try attempt(atEnd: 0) { () throws(Errno) in unsafe try receive(into: target) }
    }

    override func tryReceive(atMost count: Int) throws -> [UInt8]? {
        try attempt(atEnd: []) { () throws(Errno) in
            let expected = min(count, latestCount)
            let received =
                try expected < Self.leastReceivedDirectly
                ? receiveCopied(atMost: count) : receiveDirectly(expecting: expected, atMost: count)
            // If there can be more bytes than expected, their number is unknown.
            latestCount = watch.canRead && received.count < count ? 0 : received.count
            return received
        }
    }

    /// If at least this number of bytes is expected, the bytes are received directly into a new array. For fewer bytes,
    /// copying from the loop's buffer is cheaper than allocating an array with unused capacity.
    private static let leastReceivedDirectly = 4096

    /// Calls `receive`, and performs the checks that every attempt to receive bytes needs before and after the call.
    @inline(__always)
    private func attempt<T>(atEnd end: T, _ receive: () throws(Errno) -> T) throws -> T? {
        if let error { throw error }
        if isClosing { return end }
        guard watch.canRead else { return nil }
        do throws(Errno) {
            return try receive()
        } catch {
            guard error == .wouldBlock else { throw fail(error, "reading from \(name)") }
            watch.canRead = false
            return nil
        }
    }

    @inline(__always)
    private func receive(into target: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let received = try unsafe bytes.receive(into: target)
        network.received &+= received
        activity &+= received
        if received < target.count { noteShortRead() }
        return received
    }

    private func receiveCopied(atMost count: Int) throws(Errno) -> [UInt8] {
        // SAFETY: as in `tryReceive`.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: network.receiveBuffer.bytes.prefix(count))
        let received = try unsafe receive(into: target)
        return unsafe [UInt8](UnsafeRawBufferPointer(rebasing: target[..<received]))
    }

    /// Receives bytes into an array that is slightly larger than the expected count, so that a short read shows that
    /// the descriptor is drained. If the array is completely filled, the next receive uses the loop's buffer.
    private func receiveDirectly(expecting expected: Int, atMost count: Int) throws(Errno) -> [UInt8] {
        let capacity = min(count, expected + expected / 16)
        var failure: Errno?
        let received = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            do throws(Errno) {
                let room = UnsafeMutableRawBufferPointer(buffer)
                initialized = try unsafe receive(into: UnsafeMutableRawBufferPointer(rebasing: room[..<capacity]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return received
    }

    /// Records that a read returned fewer bytes than requested. Such a read means that the descriptor is drained and
    /// that the poller reports an event when more bytes arrive. This does not apply to a terminal, which returns one
    /// line at a time, or to a connection whose peer has hung up, so the method records nothing in these cases.
    @inline(__always)
    private func noteShortRead() {
        if !watch.isHungUp, !isTerminal { watch.canRead = false }
    }

    override func readWaiter() -> Waiter? { isClosing ? nil : watch.readWaiter() }

    override func wakeReader() { watch.wakeReader(on: loop) }

    override var isReadable: Bool { watch.canRead || isClosing }

    override func whenReadable(_ callback: (() -> Void)?) {
        guard direction != .writing else { return }
        watch.onReadable?.isRemoved = true
        watch.onReadable = callback.map { WatchCallback($0) }
        if watch.canRead { loop.queue(watch.onReadable) }
    }

    // MARK: Writing

    override func send(_ bytes: UnsafeRawBufferPointer) throws {
        try checkWritable()
        if isEOFRequested { throw RuntimeError("write() after writeEOF()") }
        guard bytes.count > 0 else { return }
        var sent = 0
        if outgoing.isEmpty {
            do {
                sent = try unsafe sendNow(bytes)
            } catch {
                throw fail(error, "writing to \(name)")
            }
            if sent == bytes.count { return }
        }
        unsafe outgoing.append(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
        sendRestLater(hasBegun: sent > 0)
    }

    override func send(_ pieces: [[UInt8]]) throws {
        try checkWritable()
        if isEOFRequested { throw RuntimeError("write() after writeEOF()") }
        var rest = Gathering(pieces)
        let count = rest.count
        guard count > 0 else { return }
        if outgoing.isEmpty {
            do {
                _ = try sendNow(count) { _, _ throws(Errno) in
                    // SAFETY: no other code uses the loop's buffer before the next suspension.
                    let part = try unsafe bytes.send(rest, joiningIn: network.receiveBuffer.bytes)
                    rest.dropFirst(part)
                    return part
                }
            } catch {
                throw fail(error, "writing to \(name)")
            }
            if rest.count == 0 { return }
        }
        let hasBegun = rest.count < count
        rest.eachPiece { outgoing.append($0) }
        sendRestLater(hasBegun: hasBegun)
    }

    /// Schedules the buffered bytes to be sent when the system accepts more bytes. The poller reports that the system
    /// accepts more bytes only if the system has refused bytes before.
    private func sendRestLater(hasBegun: Bool) {
        watch.onWritable =
            watch.onWritable ?? WatchCallback { [self, owner] in withExtendedLifetime(owner) { flush() } }
        if watch.canWrite, hasBegun { loop.queue(watch.onWritable) }
        notePressure()
    }

    @inline(__always)
    private func sendNow(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try sendNow(buffer.count) { start, most throws(Errno) in
            unsafe try bytes.send(UnsafeRawBufferPointer(rebasing: buffer[start..<min(buffer.count, start + most)]))
        }
    }

    /// Sends bytes until the system refuses more, because a short write alone does not guarantee another event from the
    /// poller. If the limits for one turn are reached first, the remaining bytes are sent in a later turn.
    @inline(__always)
    private func sendNow(
        _ count: Int, _ send: (_ start: Int, _ most: Int) throws(Errno) -> Int
    ) throws(Errno) -> Int {
        var sent = 0
        var tries = 0
        do {
            while watch.canWrite, sent < min(count, Self.mostSent), tries < Self.mostSends {
                tries += 1
                let part = try send(sent, Self.mostSent)
                network.sent &+= part
                activity &+= part
                sent += part
            }
        } catch {
            guard error == .wouldBlock else { throw error }
            watch.canWrite = false
        }
        return sent
    }

    // For each connection, the system calls and the bytes in one turn are limited. The limit on bytes is necessary
    // because one call can continue for as long as the peer accepts bytes.
    private static let mostSends = 16
    private static let mostSent = 1 << 20

    /// Sends buffered bytes when the system accepts more bytes.
    private func flush() {
        guard !outgoing.isEmpty else { return }
        do {
            outgoing.dropFirst(try unsafe outgoing.withBytes { bytes throws(Errno) in unsafe try sendNow(bytes) })
        } catch {
            _ = fail(error, "writing to \(name)")
            return
        }
        noteProgress()
        guard outgoing.isEmpty else {
            if watch.canWrite { loop.queue(watch.onWritable) }
            return
        }
        forgetWriter()
        emptiers?.wake()
        if isEOFRequested { finishEOF() }
        if state == .closing { endSoon() }
    }

    /// Removes the callback that sends buffered bytes, so that the watch no longer retains the connection. Call this
    /// method when no bytes are buffered.
    private func forgetWriter() {
        watch.onWritable?.isRemoved = true
        watch.onWritable = nil
    }

    override var canSendEOF: Bool { direction == .writing || socket != nil }

    override func sendEOF() throws {
        guard !isEOFRequested else { return }
        try checkWritable()
        guard canSendEOF else { throw RuntimeError("\(name) cannot be half-closed") }
        isEOFRequested = true
        if outgoing.isEmpty { finishEOF() }
        if let error { throw error }
    }

    private func finishEOF() {
        guard let socket else { return endSoon() }
        // If the peer were not notified of the end, it would wait forever.
        do { try socket.shutdownWrite() } catch { _ = fail(error, "shutting down \(name)") }
    }

    /// Handles an event on the writing end of a pipe. If the reading end has been closed, this method ends the
    /// connection.
    private func noticeHangUp() {
        guard watch.isHungUp, !isClosing || !outgoing.isEmpty else { return }
        if outgoing.isEmpty { return endSoon() }
        _ = fail(.brokenPipe, "writing to \(name)")
    }

    // MARK: Ending

    override func close() {
        guard !isClosing else { return }
        if loop.isClosed { return abort() }
        beginClosing()
        stopReading()
        if outgoing.isEmpty { endSoon() }
    }

    override func abort(with error: (any Error)?) {
        guard state != .lost else { return }
        dropOutgoing()
        endSoon(with: error)
        stopReading()
    }

    override func reset() {
        guard state != .lost else { return }
        try? socket?.setResetOnClose()
        abort()
    }

    /// Ends the connection with an error, and returns the error to throw.
    private func fail(_ code: Errno, _ operation: String) -> any Error {
        let error = OSError(code, operation)
        dropOutgoing()
        endSoon(with: error)
        stopReading()
        return self.error ?? error
    }

    private func dropOutgoing() {
        outgoing.removeAll()
        forgetWriter()
    }

    /// Stops reading. A task that is waiting for bytes receives the end of the stream.
    private func stopReading() {
        if direction != .writing {
            watch.onReadable?.isRemoved = true
            watch.onReadable = nil
        }
        watch.canRead = true
        watch.wakeReader(on: loop)
    }

    override func release() {
        loop.unwatch(watch)
        bytes.close()
        uncount()
        dropOutgoing()
        watch.onReadable?.isRemoved = true
        watch.onReadable = nil
        watch.canWrite = true
        watch.writer?.complete()
        emptiers?.wake()
    }

    /// Decrements the number of open connections if this connection is a socket. Pipes and terminals are not counted.
    private func uncount() {
        if socket != nil { network.connections -= 1 }
    }

    // MARK: Files

    /// Waits until all buffered bytes are sent.
    func waitFlushed() async throws {
        while !outgoing.isEmpty {
            try await WaitQueue.of(&emptiers).park(for: "a transport to send its buffer")
        }
        if let error { throw error }
    }

    /// Sends part of a file within the kernel.
    ///
    /// - Parameter sent: The number of bytes that have been sent so far. The number is also correct if this method
    ///   throws an error.
    /// - Throws: ``SendfileNotAvailableError`` if the system does not support this operation and no bytes were sent;
    ///   ``OSError`` if sending fails; `CancellationError` if the task is cancelled.
    func sendFile(
        _ file: Int32, offset: Int, count: Int?, sent: inout Int
    ) async throws {
        guard let socket else { throw SendfileNotAvailableError("\(name) is not a socket") }
        while count.map({ sent < $0 }) ?? true {
            if loop.isBudgetSpent { try await giveWay() }
            if let error { throw error }
            if isClosing { throw OSError(.connectionAbort, "sending a file to \(name): the transport was closed") }
            guard watch.canWrite else {
                try await watch.waitWritable()
                continue
            }
            do {
                let part = try FileTransfer.send(file, from: offset + sent, count: count.map { $0 - sent }, to: socket)
                if part == 0 { return }
                network.sent &+= part
                loop.spend(part)
                sent += part
            } catch .wouldBlock {
                watch.canWrite = false
            } catch {
                if sent == 0, FileTransfer.isUnsupported(error) {
                    throw SendfileNotAvailableError("sendfile to \(name): \(error)")
                }
                throw fail(error, "sending a file to \(name)")
            }
        }
    }
}
