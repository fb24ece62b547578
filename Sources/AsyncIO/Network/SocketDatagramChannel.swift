internal import AsyncIOSystem
internal import DequeModule
internal import SystemPackage

/// A datagram socket of the operating system. Use this type only on the loop's thread.
///
/// A datagram that the system does not accept at once is buffered. Each datagram adds its size plus 8 bytes to the size
/// of the buffer, so that empty datagrams are also counted. An error affects only a single datagram, and the socket
/// stays usable.
final class SocketDatagramChannel: DatagramChannel {
    private let socket: Socket
    private let watch: Watch
    private let local: Endpoint?
    private var outgoing = Deque<(bytes: [UInt8], address: SystemAddress?)>()
    private var outgoingSize = 0
    private static let header = 8

    /// Creates a channel over a datagram socket.
    ///
    /// - Parameter peer: The destination of all datagrams, or nil if each datagram has its own destination. If
    ///   `isConnected` is true, the socket is connected to this address.
    init(_ socket: Socket, peer: SystemAddress?, isConnected: Bool, on loop: EventLoop) throws(Errno) {
        self.socket = socket
        local = socket.localAddress.map(Endpoint.init)
        watch = try loop.watch(socket.descriptor)
        super.init(peer: peer, isConnected: isConnected, on: loop)
    }

    deinit {
        if EventLoop.here === loop { loop.unwatch(watch) }
        guard state == .open else { return }
        EventLoop.report(
            ExceptionContext(message: "unclosed datagram socket; call close() on it", subject: name), of: loop)
    }

    // MARK: Facts

    override var localAddress: Endpoint? { local }
    override var descriptor: Int32? { socket.descriptor < 0 ? nil : socket.descriptor }
    override var outgoingCount: Int { outgoingSize }

    // MARK: Receiving

    override func tryReceive() throws(OSError) -> (bytes: [UInt8], address: Endpoint)? {
        guard watch.canRead, !isClosing else { return nil }
        do {
            // SAFETY: no other code uses the loop's buffer before the next suspension.
            let buffer = unsafe network.receiveBuffer.bytes
            let (count, address) = try unsafe socket.receiveDatagram(into: buffer)
            network.received &+= count
            return unsafe (Array(buffer[..<count]), Endpoint(address))
        } catch .wouldBlock {
            watch.canRead = false
            return nil
        } catch {
            throw OSError(error, "receiving on \(name)")
        }
    }

    override func readWaiter() -> Waiter? { isClosing ? nil : watch.readWaiter() }

    override var isReadable: Bool { watch.canRead || isClosing }

    override func whenReadable(_ callback: (() -> Void)?) {
        watch.onReadable?.isRemoved = true
        watch.onReadable = callback.map { WatchCallback($0) }
        if watch.canRead { loop.queue(watch.onReadable) }
    }

    // MARK: Sending

    override func send(_ bytes: [UInt8], to address: Endpoint?) throws {
        let target = try target(address)
        if outgoing.isEmpty, try sendNow(bytes, to: target) { return }
        outgoing.append((bytes, target))
        outgoingSize += bytes.count + Self.header
        watch.onWritable =
            watch.onWritable ?? WatchCallback { [self, owner] in withExtendedLifetime(owner) { flush() } }
        notePressure()
    }

    /// Tries to send a datagram at once. Returns false if the system does not accept the datagram yet.
    private func sendNow(_ bytes: [UInt8], to target: SystemAddress?) throws(OSError) -> Bool {
        guard watch.canWrite else { return false }
        do throws(Errno) {
            // SAFETY: the kernel copies the bytes before the call returns.
            try unsafe bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in
                unsafe try socket.sendDatagram(bytes, to: target)
            }
            network.sent &+= bytes.count
            return true
        } catch .wouldBlock {
            watch.canWrite = false
            return false
        } catch {
            throw OSError(error, "sending to \((target ?? peer)?.description ?? "nowhere")")
        }
    }

    /// The maximum number of datagrams to send in one turn. The limit lets other work run.
    private static let mostSends = 64

    private func flush() {
        for _ in 0..<Self.mostSends {
            guard let (bytes, target) = outgoing.first else { break }
            do {
                guard try sendNow(bytes, to: target) else { break }
            } catch {
                onSendError?(error)
            }
            // The callback may have aborted the channel.
            guard !outgoing.isEmpty else { break }
            outgoing.removeFirst()
            outgoingSize -= bytes.count + Self.header
        }
        notePressure()
        guard outgoing.isEmpty else {
            if watch.canWrite { loop.queue(watch.onWritable) }
            return
        }
        forgetWriter()
        if state == .closing { endSoon() }
    }

    private func forgetWriter() {
        watch.onWritable?.isRemoved = true
        watch.onWritable = nil
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
        outgoing.removeAll()
        outgoingSize = 0
        forgetWriter()
        endSoon(with: error)
        stopReading()
    }

    private func stopReading() {
        watch.onReadable?.isRemoved = true
        watch.onReadable = nil
        watch.wakeReader(on: loop)
    }

    override func release() {
        loop.unwatch(watch)
        socket.close()
        outgoing.removeAll()
        outgoingSize = 0
        forgetWriter()
    }
}
