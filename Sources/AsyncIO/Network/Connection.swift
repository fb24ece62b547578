internal import AsyncIOSystem
internal import SystemPackage

// # A connection's two halves
//
// Reading is pulled: a task that wants bytes tries `recv` at once and waits for an edge
// only if there are none. A read that brought less than it asked for has drained the
// socket, so that a request costs one `recv` and not a second one that says EAGAIN. (But
// not when the peer has hung up: its end is in the same edge as its last bytes.) A peer
// that sends more than anybody reads is slowed down by its own kernel.
//
// Writing is tried at once too. What does not fit is kept and sent when the socket has
// room. Above the high-water mark, writers wait until it is below the low one.
//
// States: open → closing (nothing is read; what is kept is still sent) → lost. `lost`
// happens once, in a turn of its own, and tells everybody who waits.

/// A connected socket on its loop; what a StreamReader and a StreamWriter share.
/// Loop thread only.
final class Connection {
    private enum State { case open, closing, lost }

    /// What happened to the connection: nil for an ordinary end.
    private(set) var error: (any Error)?
    private var state = State.open
    private let loop: EventLoop
    private let socket: Socket
    private let watch: Watch

    let localAddress: SocketAddress?
    let peerAddress: SocketAddress?

    // Writing.
    private var outgoing = ByteBuffer()
    private var isEOFRequested = false
    /// More is kept than the high-water mark, and it has not come down to the low one yet.
    private(set) var isPaused = false
    private var drainers = WaitQueue()
    private var highWater = 64 * 1024
    private var lowWater = 16 * 1024

    /// Who waits for the end.
    private var closers = WaitQueue()
    /// Called when the connection is lost: its server keeps count.
    var onLost: (() -> Void)?

    init(_ socket: Socket, on loop: EventLoop, local: SystemAddress?, peer: SystemAddress?) throws(Errno) {
        self.loop = loop
        self.socket = socket
        localAddress = (local ?? socket.localAddress).map(SocketAddress.init)
        peerAddress = (peer ?? socket.peerAddress).map(SocketAddress.init)
        watch = try loop.watch(socket.descriptor)
        try? socket.setNoDelay()
    }

    deinit {
        if EventLoop.here === loop { loop.unwatch(watch) }
        guard state == .open else { return }
        EventLoop.report(
            ExceptionContext(message: "unclosed connection; call close() on its writer", subject: name))
    }

    private var name: String { peerAddress?.description ?? "connection" }

    var isClosing: Bool { state != .open }

    // MARK: Reading

    /// Receives once what is there, waiting for it if need be, and hands it to `take`
    /// without a copy. False at the end of the stream.
    ///
    /// - Parameter count: how many bytes at most.
    nonisolated(nonsending) func receive<T>(
        atMost count: Int, _ take: (UnsafeRawBufferPointer) -> T
    ) async throws -> T? {
        while state != .lost {
            if watch.canRead {
                do {
                    return try unsafe receiveNow(atMost: count, take)
                } catch Errno.wouldBlock {
                    watch.canRead = false
                } catch {
                    let error = OSError(error, "reading from \(name)")
                    lose(error)
                    throw error
                }
            }
            try await watch.waitReadable()
        }
        if let error { throw error }
        return nil
    }

    private func receiveNow<T>(
        atMost count: Int, _ take: (UnsafeRawBufferPointer) -> T
    ) throws(Errno) -> T? {
        // SAFETY: the loop's buffer is ours until the next suspension, and `take` copies.
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer.bytes.prefix(count))
        let received = try unsafe socket.receive(into: target)
        if received < target.count, !watch.isHungUp { watch.canRead = false }
        guard received > 0 else { return nil }
        return unsafe take(UnsafeRawBufferPointer(rebasing: target[..<received]))
    }

    // MARK: Writing

    /// Sends what fits now and keeps the rest.
    func send(_ bytes: [UInt8]) throws {
        try checkWritable()
        guard !bytes.isEmpty else { return }
        var sent = 0
        if outgoing.isEmpty {
            // SAFETY: the kernel copies the bytes before this returns.
            sent = try unsafe bytes.withUnsafeBytes { unsafe try sendNow($0) }
            if sent == bytes.count { return }
        }
        outgoing.append(bytes[sent...])
        watch.onWritable = watch.onWritable ?? WatchCallback { [self] in flush() }
        if outgoing.count > highWater { isPaused = true }
    }

    private func checkWritable() throws {
        if state == .lost { throw error ?? OSError(.connectionReset, "Connection lost") }
        if state == .closing { throw RuntimeError("write() after close()") }
        if isEOFRequested { throw RuntimeError("write() after writeEOF()") }
    }

    private func sendNow(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        guard watch.canWrite else { return 0 }
        do {
            let sent = try unsafe socket.send(bytes)
            if sent < bytes.count { watch.canWrite = false }
            return sent
        } catch Errno.wouldBlock {
            watch.canWrite = false
            return 0
        } catch {
            let error = OSError(error, "writing to \(name)")
            lose(error)
            throw error
        }
    }

    /// The socket has room.
    private func flush() {
        guard state != .lost else { return }
        let sent = unsafe outgoing.withBytes { bytes in try? unsafe sendNow(bytes) }
        guard let sent else { return }
        outgoing.dropFirst(sent)
        if isPaused, outgoing.count <= lowWater {
            isPaused = false
            drainers.wake()
        }
        guard outgoing.isEmpty else { return }
        // Nothing is kept: the watch lets the connection go.
        watch.onWritable?.isRemoved = true
        watch.onWritable = nil
        if isEOFRequested { try? socket.shutdownWrite() }
        if state == .closing { loseSoon(nil) }
    }

    /// Waits until less than the low-water mark is kept, if it was above the high one.
    nonisolated(nonsending) func drain() async throws {
        if isPaused, state != .lost {
            let place = Waiter(for: "StreamWriter.drain()")
            drainers.append(place)
            defer { drainers.remove(place) }
            try await place.wait()
        }
        if let error { throw error }
        if state == .lost { throw OSError(.connectionReset, "Connection lost") }
    }

    /// How many bytes wait to be sent.
    var outgoingCount: Int { outgoing.count }

    func setWaterMarks(high: Int, low: Int) throws(ValueError) {
        guard high >= low, low >= 0 else {
            throw ValueError("high (\(high)) must be >= low (\(low)) must be >= 0")
        }
        highWater = high
        lowWater = low
        isPaused = outgoing.count > high
    }

    func sendEOF() throws {
        guard !isEOFRequested else { return }
        try checkWritable()
        isEOFRequested = true
        if outgoing.isEmpty {
            do { try socket.shutdownWrite() } catch { throw OSError(error, "shutting down \(name)") }
        }
    }

    // MARK: Ending

    /// Reads no more, sends what is kept, and ends.
    func close() {
        guard state == .open else { return }
        state = .closing
        if outgoing.isEmpty { loseSoon(nil) }
    }

    /// Ends without sending what is kept.
    func abort() {
        guard state != .lost else { return }
        state = .closing
        outgoing.removeAll()
        loseSoon(nil)
    }

    nonisolated(nonsending) func waitClosed() async throws {
        if state != .lost {
            let place = Waiter(for: "StreamWriter.waitClosed()")
            closers.append(place)
            defer { closers.remove(place) }
            try await place.wait()
        }
        if let error { throw error }
    }

    private func loseSoon(_ error: (any Error)?) {
        loop.ready.append(.handle(Handle(.callback { [self] in lose(error) })))
    }

    private func lose(_ error: (any Error)?) {
        guard state != .lost else { return }
        state = .lost
        self.error = error
        loop.unwatch(watch)
        socket.close()
        outgoing.removeAll()
        watch.onWritable = nil
        watch.canRead = true
        watch.reader?.complete()
        drainers.wake()
        closers.wake()
        onLost?()
        onLost = nil
    }
}
