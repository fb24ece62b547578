internal import AsyncIOSystem
internal import SystemPackage

// # A stream over descriptors that no poller can watch
//
// The kernel's pollers consider a regular file always ready and refuse to watch it. The same applies to /dev/null and
// similar devices. However, reading a file can require waiting for a disk. Therefore, the file engine reads and writes,
// with one request at a time in each direction. It uses the descriptor's own position, which can be shared with other
// processes.
//
// Reading begins when bytes are first requested. From then on, one portion is read ahead. Written bytes are buffered
// until the engine has written them. The channel cannot know whether a request in flight will still have an effect, so
// `abort` waits for the request before it closes the descriptor.

/// A channel over a regular file, or over a device that cannot be watched. Use this type only on the loop's thread.
final class FileChannel: ByteChannel {
    private let bytes: ByteDescriptor
    private let direction: Connection.Direction
    /// The request in progress, or nil if there is no request.
    private var operation: FileOperation?

    // Reading.
    private var incoming = ByteBuffer()
    private var isAtEnd = false
    private var reader: Waiter?
    private var onReadable: WatchCallback?

    // Writing.
    private var outgoing = ByteBuffer()
    private var isEOFRequested = false

    /// The maximum number of bytes that are read or written at a time.
    private static let portion = 64 * 1024

    /// Creates a channel over a descriptor. The descriptor is closed when the channel is lost.
    init(_ bytes: ByteDescriptor, _ direction: Connection.Direction, on loop: EventLoop) throws(ValueError) {
        self.bytes = bytes
        self.direction = direction
        super.init(on: loop)
        // Buffering bytes that the disk has not accepted has no advantage, so writers wait for the disk.
        if direction == .writing { try setWaterMarks(high: 0, low: 0) }
    }

    override var name: String { "file" }
    override var descriptor: Int32? { bytes.descriptor < 0 ? nil : bytes.descriptor }
    override var outgoingCount: Int { outgoing.count }

    /// Starts `request`, and calls `onEnd` with the result of the system call.
    private func start(_ request: FileRequest, _ onEnd: @escaping (Result<Int, Errno>, FileRequest) -> Void) {
        let operation = FileOperation(request) { [self] operation in
            self.operation = nil
            // The channel is lost, and the descriptor was open only for this request.
            if state == .lost { return bytes.close() }
            let result: Result<Int, Errno> = request.error.map { .failure($0) } ?? .success(request.result)
            onEnd(result, operation.request)
        }
        self.operation = operation
        do {
            try loop.fileEngine.start(operation)
        } catch {
            self.operation = nil
            abort(with: error)
        }
    }

    // MARK: Reading

    override func tryReceive(atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Int? {
        if isClosing, error == nil { return 0 }
        if !incoming.isEmpty {
            let received = min(count, incoming.count)
            unsafe incoming.withBytes { unsafe take(UnsafeRawBufferPointer(rebasing: $0.prefix(received))) }
            incoming.dropFirst(received)
            network.received &+= received
            return received
        }
        if let error { throw error }
        if isAtEnd { return 0 }
        readAhead()
        return nil
    }

    private func readAhead() {
        guard operation == nil, incoming.isEmpty, !isAtEnd, !isClosing, direction != .writing else { return }
        start(FileRequest(.read(bytes.descriptor, offset: -1), capacity: Self.portion)) { [self] result, request in
            switch result {
            case .success(0): isAtEnd = true
            case .success: incoming.append(request.bytes[...])
            case .failure(let code): abort(with: OSError(code, "reading from \(name)"))
            }
            wakeReader()
            loop.queue(onReadable)
        }
    }

    override func readWaiter() -> Waiter? {
        if isReadable { return nil }
        readAhead()
        // The request may have failed or ended at once.
        if isReadable { return nil }
        let waiter = Waiter(for: "bytes from a file")
        reader = waiter
        return waiter
    }

    override func wakeReader() { reader.take()?.complete() }

    override var isReadable: Bool { !incoming.isEmpty || isAtEnd || isClosing }

    override func whenReadable(_ callback: (() -> Void)?) {
        onReadable?.isRemoved = true
        onReadable = callback.map { WatchCallback($0) }
        if isReadable { loop.queue(onReadable) } else if callback != nil { readAhead() }
    }

    // MARK: Writing

    override func send(_ bytes: UnsafeRawBufferPointer) throws {
        try checkWritable()
        if isEOFRequested { throw RuntimeError("write() after writeEOF()") }
        guard direction != .reading else { throw RuntimeError("\(name) is open for reading only") }
        guard bytes.count > 0 else { return }
        unsafe outgoing.append(bytes)
        notePressure()
        flush()
        if let error { throw error }
    }

    private func flush() {
        guard operation == nil, !outgoing.isEmpty else { return }
        let portion = unsafe outgoing.withBytes { unsafe Array($0.prefix(Self.portion)) }
        start(FileRequest(.write(bytes.descriptor, offset: -1), copying: portion[...])) { [self] result, _ in
            switch result {
            case .success(let count):
                network.sent &+= count
                outgoing.dropFirst(count)
                notePressure()
                if !outgoing.isEmpty { return flushInNextTurn() }
                if isEOFRequested || isClosing { endSoon() }
            case .failure(let code):
                abort(with: OSError(code, "writing to \(name)"))
            }
        }
    }

    /// Writes the next portion in the next turn. The engine may finish a request before `start` returns. If the next
    /// portion were written at once, a large write would delay all other work, and each portion would use additional
    /// stack space.
    private func flushInNextTurn() { loop.enqueue { [self] in flush() } }

    override var canSendEOF: Bool { direction == .writing }

    override func sendEOF() throws {
        guard !isEOFRequested else { return }
        try checkWritable()
        isEOFRequested = true
        if outgoing.isEmpty { endSoon() }
    }

    // MARK: Ending

    override func close() {
        guard !isClosing else { return }
        if loop.isClosed { return abort() }
        beginClosing()
        wakeReader()
        if outgoing.isEmpty { endSoon() }
    }

    override func abort(with error: (any Error)?) {
        guard state != .lost else { return }
        outgoing.removeAll()
        endSoon(with: error)
        wakeReader()
        loop.queue(onReadable)
    }

    override func reset() { abort() }

    override func release() {
        incoming.removeAll()
        outgoing.removeAll()
        onReadable?.isRemoved = true
        onReadable = nil
        wakeReader()
        if operation == nil { bytes.close() }
    }
}
