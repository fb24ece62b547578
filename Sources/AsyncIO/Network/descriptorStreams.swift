internal import AsyncIOSystem
internal import SystemPackage

/// Opens a reader on a descriptor. The descriptor can be the reading end of a pipe, a terminal, a socket that you only
/// read from, a file, or a device. For standard input, use ``openStandardInput(limit:)``.
///
/// The reader takes ownership of the descriptor, and closes it when the last reference to the reader is released. The
/// descriptor is made non-blocking unless it refers to a file. A file is read from its current position, on a thread or
/// with `io_uring`. For more operations on files, use ``openFile(_:_:permissions:)``.
///
/// - Parameters:
///   - descriptor: The descriptor to read from. If this function throws a ``ValueError`` or a ``RuntimeError``, you
///     still own the descriptor.
///   - limit: The maximum length of a line, in bytes.
/// - Throws: ``ValueError`` if the descriptor is of any other kind, such as a directory, or if the limit is not
///   positive; ``RuntimeError`` if this loop already uses the descriptor; ``OSError`` if a system call fails.
///
/// asyncio: `loop.connect_read_pipe` with a `StreamReaderProtocol`, which does not accept files.
public func openReader(
    descriptor: some FileDescriptorConvertible, limit: Int = StreamReader.defaultLimit
) throws -> StreamReader {
    let loop = EventLoop.required(for: "openReader")
    try checkLimit(limit)
    return try StreamReader(limit: limit, channel: loop.channel(descriptor.number, .reading, closesQuietly: true))
}

/// Opens a writer on a descriptor. The descriptor can be the writing end of a pipe, a terminal, a socket that you only
/// write to, a file, or a device. For standard output, use ``openStandardOutput()``.
///
/// The writer takes ownership of the descriptor, and closes it when the writer is closed. The descriptor is made
/// non-blocking unless it refers to a file. A file is written from its current position, or at its end if the file was
/// opened in append mode. Each write to a file waits until the system has accepted all bytes.
///
/// - Throws: The same errors as ``openReader(descriptor:limit:)``.
///
/// asyncio: `loop.connect_write_pipe` with a `StreamWriter`.
public func openWriter(descriptor: some FileDescriptorConvertible) throws -> StreamWriter {
    let loop = EventLoop.required(for: "openWriter")
    return StreamWriter(channel: try loop.channel(descriptor.number, .writing))
}

/// Opens standard input as a stream. Standard input can be a pipe, a terminal, a file, a socket, or `/dev/null`. If the
/// program was started without standard input, the stream is empty.
///
/// ```swift
/// for try await line in try openStandardInput().lines { print(line) }
/// ```
///
/// Descriptor 0 stays open. Unless the descriptor is a socket, it also stays blocking for other processes that share
/// it. Use only one reader, and do not also call Swift's `readLine()` function, because each of them reads ahead into
/// its own buffer.
///
/// - Parameter limit: The maximum length of a line, in bytes.
/// - Throws: ``OSError`` if a system call fails; ``ValueError`` if the limit is not positive; ``RuntimeError`` if this
///   loop already uses descriptor 0.
///
/// asyncio: `loop.connect_read_pipe(protocol, sys.stdin)`, which does not accept files or `/dev/null`.
public func openStandardInput(limit: Int = StreamReader.defaultLimit) throws -> StreamReader {
    let loop = EventLoop.required(for: "openStandardInput")
    try checkLimit(limit)
    return try StreamReader(limit: limit, channel: loop.standardChannel(0, .reading))
}

/// Opens standard output as a stream. As with standard input, the descriptor can be a pipe, a terminal, a file, or a
/// socket; see ``openStandardInput(limit:)``. If the program was started without standard output, written data is
/// dropped, as with `print`.
///
/// Each write waits until the system has accepted all bytes, so no data is lost when the program ends. Descriptor 1
/// stays open when the writer is closed.
///
/// - Throws: ``OSError`` if a system call fails; ``RuntimeError`` if this loop already uses descriptor 1.
///
/// asyncio: `loop.connect_write_pipe(protocol, sys.stdout)`.
public func openStandardOutput() throws -> StreamWriter {
    try EventLoop.required(for: "openStandardOutput").standardWriter(1)
}

/// Opens standard error as a stream; see ``openStandardOutput()``.
///
/// - Throws: ``OSError`` if a system call fails; ``RuntimeError`` if this loop already uses descriptor 2.
///
/// asyncio: `loop.connect_write_pipe(protocol, sys.stderr)`.
public func openStandardError() throws -> StreamWriter {
    try EventLoop.required(for: "openStandardError").standardWriter(2)
}

extension EventLoop {
    /// Returns a channel over a descriptor of any kind that transfers bytes. If this method throws a ``ValueError`` or
    /// a ``RuntimeError``, the caller still owns the descriptor.
    fileprivate func channel(
        _ descriptor: Int32, _ direction: Connection.Direction, closesQuietly: Bool = false
    ) throws -> ByteChannel {
        try checkUnused(descriptor)
        guard ByteDescriptor.isUnwatchable(descriptor) else {
            let connection = try pipe(descriptor, direction)
            connection.closesQuietly = closesQuietly
            return connection
        }
        return try FileChannel(ByteDescriptor(owning: descriptor), direction, on: self)
    }

    /// Returns a channel over a new descriptor for the file behind a standard descriptor.
    fileprivate func standardChannel(_ number: Int32, _ direction: Connection.Direction) throws -> ByteChannel {
        try checkOpen("openStandardInput")
        try checkUnused(number)
        let descriptor: Int32
        do {
            descriptor = try ByteDescriptor.openStandard(number)
        } catch {
            throw OSError(error, "opening standard \(["input", "output", "error"][Int(number)])")
        }
        do {
            return try channel(descriptor, direction, closesQuietly: true)
        } catch let error where !(error is OSError) {
            ByteDescriptor(owning: descriptor).close()
            throw error
        }
    }

    fileprivate func standardWriter(_ number: Int32) throws -> StreamWriter {
        let channel = try standardChannel(number, .writing)
        try channel.setWaterMarks(high: 0, low: 0)
        return StreamWriter(channel: channel)
    }
}
