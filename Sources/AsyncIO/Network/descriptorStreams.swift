internal import AsyncIOSystem
internal import SystemPackage

/// A reader over a descriptor: the reading end of a pipe, a terminal, a socket that is only
/// read, a file, a device. For standard input, there is ``openStandardInput(limit:)``.
///
/// The descriptor is the reader's from now on: it is made non-blocking, unless it is a file, and
/// closed when nobody holds the reader any more. A file is read from its present position on, on
/// a thread or a ring; ``openFile(_:_:permissions:)`` can do more with one.
///
/// - Parameters:
///   - descriptor: it stays the caller's if this throws a ``ValueError`` or a ``RuntimeError``.
///   - limit: how long a line may be, in bytes.
/// - Throws: ``ValueError`` if it is none of these (a directory, say); ``RuntimeError`` if this
///   loop uses it already; ``OSError``.
///
/// asyncio: `loop.connect_read_pipe` with a `StreamReaderProtocol`, which refuses files.
public func openReader(descriptor: Int32, limit: Int = defaultStreamLimit) throws -> StreamReader {
    let loop = EventLoop.required(for: "openReader")
    try checkLimit(limit)
    return try StreamReader(limit: limit, channel: loop.channel(descriptor, .reading, closesQuietly: true))
}

/// A writer over a descriptor: the writing end of a pipe, a terminal, a socket that is only
/// written to, a file, a device. For standard output, there is ``openStandardOutput()``.
///
/// The descriptor is the writer's from now on: it is made non-blocking, unless it is a file, and
/// closed with the writer. A file is written to from its present position on, or at its end if it
/// was opened so; each write waits until the system has it.
///
/// - Throws: as ``openReader(descriptor:limit:)``.
///
/// asyncio: `loop.connect_write_pipe`, and a `StreamWriter` on it.
public func openWriter(descriptor: Int32) throws -> StreamWriter {
    let loop = EventLoop.required(for: "openWriter")
    return StreamWriter(channel: try loop.channel(descriptor, .writing))
}

/// Standard input as a stream, whatever it is: a pipe, a terminal, a file, a socket, `/dev/null`.
/// If the program was started without one, the stream is at its end.
///
/// ```swift
/// for try await line in try openStandardInput().lines { print(line) }
/// ```
///
/// Descriptor 0 stays open, and blocking for those who share it, but for a socket. Read from one
/// reader only, and not with `readLine()` beside it: each keeps what it has read ahead.
///
/// - Parameter limit: how long a line may be, in bytes.
/// - Throws: ``OSError``; ``RuntimeError`` if this loop uses descriptor 0 already.
///
/// asyncio: `loop.connect_read_pipe(protocol, sys.stdin)`, which refuses files and `/dev/null`.
public func openStandardInput(limit: Int = defaultStreamLimit) throws -> StreamReader {
    let loop = EventLoop.required(for: "openStandardInput")
    try checkLimit(limit)
    return try StreamReader(limit: limit, channel: loop.standardChannel(0, .reading))
}

/// Standard output as a stream, whatever it is; see ``openStandardInput(limit:)``. If the program
/// was started without one, what is written is dropped, as `print` does.
///
/// A write waits until the system has all of it, so that nothing is lost when the program ends.
/// Descriptor 1 stays open when the writer is closed.
///
/// - Throws: as ``openStandardInput(limit:)``.
///
/// asyncio: `loop.connect_write_pipe(protocol, sys.stdout)`.
public func openStandardOutput() throws -> StreamWriter {
    try EventLoop.required(for: "openStandardOutput").standardWriter(1)
}

/// Standard error as a stream; see ``openStandardOutput()``.
///
/// asyncio: `loop.connect_write_pipe(protocol, sys.stderr)`.
public func openStandardError() throws -> StreamWriter {
    try EventLoop.required(for: "openStandardError").standardWriter(2)
}

extension EventLoop {
    /// A channel over a descriptor of any kind that has bytes; the descriptor stays the caller's if
    /// this throws a ``ValueError`` or a ``RuntimeError``.
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

    /// A channel over a descriptor of its own for what a standard descriptor stands for.
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
