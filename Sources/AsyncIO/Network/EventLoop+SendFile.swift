internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// Sends a file through a transport, from kernel to kernel if that can be done.
    ///
    /// What the transport keeps is sent first; reading is paused meanwhile, and `write` is an
    /// error.
    ///
    /// - Parameters:
    ///   - file: the descriptor of a regular file, which stays the caller's.
    ///   - offset: where to begin, in bytes; the file's own position does not count.
    ///   - count: how many bytes to send at most; nil for all to the end.
    ///   - fallback: whether to read and write by hand where the system has no other way.
    /// - Returns: how many bytes were sent. The file's position is behind them, also after an
    ///   error.
    /// - Throws: ``SendfileNotAvailableError`` if the system can't, and `fallback` is false;
    ///   ``OSError``, ``RuntimeError`` if the transport is closed or sends a file already;
    ///   ``ValueError`` for an offset below zero or a count that is not positive;
    ///   `CancellationError`.
    ///
    /// asyncio: `loop.sendfile`.
    @discardableResult
    public nonisolated(nonsending) func sendFile(
        _ transport: Transport, _ file: Int32, offset: Int = 0, count: Int? = nil, fallback: Bool = true
    ) async throws -> Int {
        if transport.isClosing { throw RuntimeError("Transport is closing") }
        if let hindrance = transport.hindrance { throw RuntimeError("unable to send a file; \(hindrance)") }
        try checkRange(offset, count)
        let wasReading = transport.isReading
        transport.pauseReading()
        transport.setSendingFile(true)
        var sent = 0
        defer {
            transport.setSendingFile(false)
            if wasReading { transport.resumeReading() }
            try? FileTransfer.seek(file, to: offset + sent)
        }
        do {
            guard let connection = transport.channel as? Connection else {
                throw SendfileNotAvailableError("\(transport) does more with bytes than to send them")
            }
            try checkRegular(file)
            try await connection.waitFlushed()
            try await connection.sendFile(file, offset: offset, count: count, sent: &sent)
        } catch let error as SendfileNotAvailableError {
            guard fallback else { throw error }
            try await copy(file, offset: offset, count: count, blockSize: 16 * 1024, sent: &sent) { bytes in
                try transport.channel.send(bytes)
                if transport.channel.isPaused { try await transport.channel.drain() }
            }
        }
        return sent
    }

    /// Sends a file to a socket; see ``sendFile(_:_:offset:count:fallback:)``.
    ///
    /// - Parameter socket: the descriptor of a connected, non-blocking stream socket.
    ///
    /// asyncio: `loop.sock_sendfile`.
    @discardableResult
    public nonisolated(nonsending) func sockSendFile(
        _ socket: Int32, _ file: Int32, offset: Int = 0, count: Int? = nil, fallback: Bool = true
    ) async throws -> Int {
        let borrowed = try borrow(socket, for: "sockSendFile")
        guard borrowed.isStream else { throw ValueError("sockSendFile() needs a stream socket") }
        try checkRange(offset, count)
        var sent = 0
        defer { try? FileTransfer.seek(file, to: offset + sent) }
        do {
            try checkRegular(file)
            try await sendFile(file, offset: offset, count: count, to: borrowed, sent: &sent)
        } catch let error as SendfileNotAvailableError {
            guard fallback else { throw error }
            try await copy(file, offset: offset, count: count, blockSize: 256 * 1024, sent: &sent) { bytes in
                try await sockSendAll(socket, bytes)
            }
        }
        return sent
    }

    private nonisolated(nonsending) func sendFile(
        _ file: Int32, offset: Int, count: Int?, to socket: Socket, sent: inout Int
    ) async throws {
        while count.map({ sent < $0 }) ?? true {
            if isBudgetSpent { try await giveWay() }
            do {
                let part = try FileTransfer.send(file, from: offset + sent, count: count.map { $0 - sent }, to: socket)
                if part == 0 { return }
                spend(part)
                sent += part
            } catch .wouldBlock {
                try await waitWritable(socket.descriptor, "sockSendFile()")
            } catch {
                if sent == 0, FileTransfer.isUnsupported(error) {
                    throw SendfileNotAvailableError("sendfile to descriptor \(socket.descriptor): \(error)")
                }
                throw OSError(error, "sending a file to descriptor \(socket.descriptor)")
            }
        }
    }

    /// By hand: reads on a thread, since files have no readiness, and hands on.
    private nonisolated(nonsending) func copy(
        _ file: Int32, offset: Int, count: Int?, blockSize: Int, sent: inout Int,
        _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
    ) async throws {
        while count.map({ sent < $0 }) ?? true {
            let block = min(blockSize, count.map { $0 - sent } ?? blockSize)
            let position = offset + sent
            let bytes: [UInt8]
            do {
                bytes = try await runInExecutor { try FileTransfer.read(file, from: position, count: block) }.value
            } catch let error as Errno {
                throw OSError(error, "reading descriptor \(file)")
            }
            if bytes.isEmpty { return }
            try await send(bytes)
            sent += bytes.count
        }
    }

    private func checkRange(_ offset: Int, _ count: Int?) throws(ValueError) {
        if offset < 0 { throw ValueError("offset must be a non-negative integer (got \(offset))") }
        if let count, count <= 0 { throw ValueError("count must be a positive integer (got \(count))") }
    }

    private func checkRegular(_ file: Int32) throws(SendfileNotAvailableError) {
        guard ByteDescriptor(borrowing: file).kind == .file else {
            throw SendfileNotAvailableError("descriptor \(file) is not a regular file")
        }
    }
}
