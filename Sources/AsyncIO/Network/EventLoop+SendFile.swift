internal import AsyncIOSystem
internal import SystemPackage

extension EventLoop {
    /// Sends a file through a transport, within the kernel if possible.
    ///
    /// Data that the transport has buffered is sent first. Until the file is sent, reading is paused, and `write`
    /// throws an error.
    ///
    /// - Parameters:
    ///   - transport: The transport through which the file is sent.
    ///   - file: A regular file, such as a ``File``. You still own the file afterwards.
    ///   - offset: The position in the file at which to start, in bytes. The file's own position is ignored.
    ///   - count: The maximum number of bytes to send, or `nil` to send up to the end of the file.
    ///   - fallback: Whether to read and write the file in blocks if the system cannot send it within the
    ///     kernel.
    /// - Returns: The number of bytes that were sent. When this method returns or throws an error, the file's position
    ///   is after the last byte that was sent.
    /// - Throws: ``SendfileNotAvailableError`` if the system cannot send the file within the kernel and `fallback` is
    ///   `false`; ``OSError`` if reading or sending fails; ``RuntimeError`` if the transport is closing or is already
    ///   sending a file; ``ValueError`` if the offset is negative or the count is not positive; `CancellationError` if
    ///   the task is cancelled, in which case part of the file may have been sent.
    ///
    /// asyncio: `loop.sendfile`.
    @discardableResult
    public func sendFile(
        _ transport: Transport, _ file: some FileDescriptorConvertible, offset: Int = 0, count: Int? = nil,
        fallback: Bool = true
    ) async throws -> Int {
        let file = file.number
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
                throw SendfileNotAvailableError(
                    "sendfile is not available on \(transport), which changes the bytes that it sends")
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

    /// Sends a file through a socket, within the kernel if possible; see ``sendFile(_:_:offset:count:fallback:)``.
    ///
    /// - Parameters:
    ///   - socket: The descriptor of a connected, non-blocking stream socket. You still own the descriptor afterwards.
    ///   - file: A regular file, such as a ``File``. You still own the file afterwards.
    ///   - offset: The position in the file at which to start, in bytes. The file's own position is ignored.
    ///   - count: The maximum number of bytes to send, or `nil` to send up to the end of the file.
    ///   - fallback: Whether to read and write the file in blocks if the system cannot send it within the
    ///     kernel.
    /// - Returns: The number of bytes that were sent. When this method returns or throws an error, the file's position
    ///   is after the last byte that was sent.
    /// - Throws: ``SendfileNotAvailableError`` if the system cannot send the file within the kernel and `fallback` is
    ///   `false`; ``OSError`` if reading or sending fails; ``RuntimeError`` if a connection of this loop owns the
    ///   socket, or if the loop is closed; ``ValueError`` if the socket is not a stream socket, the offset is negative,
    ///   or the count is not positive; `CancellationError` if the task is cancelled, in which case part of the file may
    ///   have been sent.
    ///
    /// asyncio: `loop.sock_sendfile`.
    @discardableResult
    public func sockSendFile(
        _ socket: some FileDescriptorConvertible, _ file: some FileDescriptorConvertible, offset: Int = 0,
        count: Int? = nil,
        fallback: Bool = true
    ) async throws -> Int {
        let (socket, file) = (socket.number, file.number)
        let borrowed = try borrow(socket, for: "sockSendFile")
        guard borrowed.isStream else {
            throw ValueError("sockSendFile() needs a stream socket, but descriptor \(socket) is not one")
        }
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

    private func sendFile(
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

    /// Copies the file in blocks. Each block is read on a separate thread, because pollers do not support files, and is
    /// then sent.
    private func copy(
        _ file: Int32, offset: Int, count: Int?, blockSize: Int, sent: inout Int,
        _ send: nonisolated(nonsending) ([UInt8]) async throws -> Void
    ) async throws {
        while count.map({ sent < $0 }) ?? true {
            let block = min(blockSize, count.map { $0 - sent } ?? blockSize)
            let position = offset + sent
            let bytes: [UInt8]
            do {
                bytes = try await read(file, from: position, count: block)
            } catch let error as Errno {
                throw OSError(error, "reading descriptor \(file)")
            }
            if bytes.isEmpty { return }
            try await send(bytes)
            sent += bytes.count
        }
    }

    private func read(_ file: Int32, from position: Int, count: Int) async throws -> [UInt8] {
        guard networkStack != nil else {
            return try await runInExecutor { try FileTransfer.read(file, from: position, count: count) }.value
        }
        let request = FileRequest(.read(file, offset: Int64(position)), capacity: count)
        let outcome = try await FileOperation(request).run(on: try fileEngine)
        if let cancellation = outcome.cancellation { throw cancellation }
        _ = try outcome.result.get()
        return request.bytes
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
