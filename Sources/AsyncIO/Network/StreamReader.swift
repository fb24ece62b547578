/// The receiving end of a stream.
///
/// Only one task can read at a time. Bytes that have been received but not yet read stay in the reader's buffer. If a
/// task is cancelled while it reads, no bytes are lost.
///
/// asyncio: `asyncio.StreamReader`.
public final class StreamReader {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.
    // The properties that each read uses come first, so that they are close together in memory.
    @safe @exclusivity(unchecked) private var channel: ByteChannel?
    @safe @exclusivity(unchecked) private var failure: (any Error)?
    @safe @exclusivity(unchecked) private var buffer = ByteBuffer()
    @safe @exclusivity(unchecked) private var isEOF = false
    @safe @exclusivity(unchecked) private var isReading = false
    /// Whether the next byte belongs to a line that was too long for a `LineCodec`; see `readLine(limit:dropsRest:)`.
    @safe @exclusivity(unchecked) private var isInsideLongLine = false
    /// The waiter of the task that is waiting for ``feed(_:)``, if the reader has no connection.
    private var waiter: Waiter?

    /// The default maximum length of a line, 64 KiB.
    public static let defaultLimit = 65_536

    /// The maximum length, in bytes, of a line or of the data before a separator.
    public let limit: Int

    /// Creates a reader that has no connection and receives its bytes from ``feed(_:)``.
    ///
    /// - Parameter limit: The maximum length of a line, in bytes.
    /// - Precondition: `limit` is positive. For a limit that is known only at run time, use ``init(validatingLimit:)``.
    ///
    /// asyncio: `asyncio.StreamReader(limit=)`.
    public init(limit: Int = StreamReader.defaultLimit) {
        if limit < 1 { stop(StreamReader.message(limit), instead: "StreamReader(validatingLimit:)") }
        self.limit = limit
    }

    /// Creates a reader that has no connection, with a limit that is known only at run time.
    ///
    /// - Parameter limit: The maximum length of a line, in bytes.
    /// - Throws: ``ValueError`` if `limit` is not positive.
    public convenience init(validatingLimit limit: Int) throws(ValueError) {
        try self.init(limit: limit, channel: nil)
    }

    init(limit: Int, channel: ByteChannel?) throws(ValueError) {
        guard limit > 0 else { throw ValueError(StreamReader.message(limit)) }
        self.limit = limit
        self.channel = channel
    }

    private static func message(_ limit: Int) -> String { "limit must be positive, got \(limit)" }

    /// Whether the peer has ended the stream and all bytes have been read.
    ///
    /// The getter checks the connection, so no further read is needed to detect the end. If the connection broke, this
    /// property is `false`, and the next read throws the error.
    public var isAtEOF: Bool {
        guard buffer.isEmpty else { return false }
        if !isEOF, !isReading, failure == nil, let channel, channel.isReadable {
            // Received bytes remain in the buffer, and an error remains in the channel.
            let count = try? unsafe channel.tryReceive(atMost: 2 * min(limit, .max / 2)) { unsafe buffer.append($0) }
            if count == 0 { isEOF = true }
        }
        return isEOF && buffer.isEmpty
    }

    /// The error that broke the stream, or `nil`.
    ///
    /// asyncio: `StreamReader.exception`.
    public var error: (any Error)? { failure ?? channel?.error }

    // MARK: Reading

    /// Reads up to `count` bytes. The method returns the available bytes, and waits only if no bytes are available.
    ///
    /// - Parameter count: The maximum number of bytes. If the number is negative, the method reads to the end of the
    ///   stream.
    /// - Returns: The bytes, or an empty array at the end of the stream.
    /// - Throws: ``OSError`` if the connection breaks; ``RuntimeError`` if another task is reading;
    ///   `CancellationError` if the task is cancelled, in which case no bytes are lost.
    ///
    /// asyncio: `StreamReader.read`.
    public func read(_ count: Int = -1) async throws -> [UInt8] {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        if count == 0 { return [] }
        if count < 0 { return try await readToEnd() }
        isInsideLongLine = false
        if buffer.isEmpty, !isEOF {
            guard let channel else {
                try await fill("read")
                return take(count)
            }
            // The bytes are passed directly to the caller, without the buffer.
            try checkIdle("read")
            while true {
                if let bytes = try channel.tryReceive(atMost: count) {
                    isEOF = bytes.isEmpty
                    EventLoop.spend(bytes.count)
                    return bytes
                }
                isReading = true
                defer { isReading = false }
                try await channel.waitReadable()
            }
        }
        return take(count)
    }

    /// Reads bytes into the caller's memory. The method stores the available bytes, and waits only if no bytes are
    /// available.
    ///
    /// Bytes that are not yet in the reader's buffer are received directly into `span`.
    ///
    /// - Returns: The number of bytes that were read, or 0 at the end of the stream.
    ///
    /// asyncio: none; the closest equivalent is `loop.sock_recv_into`.
    public func read(into span: inout MutableRawSpan) async throws -> Int {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        if span.byteCount == 0 { return 0 }
        isInsideLongLine = false
        while buffer.isEmpty, !isEOF {
            guard let channel else {
                try await fill("read")
                continue
            }
            if isReading { throw ConcurrentRead.error("read") }
            if let received = try channel.tryReceive(into: &span) {
                isEOF = received == 0
                EventLoop.spend(received)
                return received
            }
            isReading = true
            defer { isReading = false }
            try await channel.waitReadable()
        }
        let count = min(span.byteCount, buffer.count)
        unsafe buffer.withBytes { bytes in
            // SAFETY: both spans have at least `count` bytes.
            unsafe span.withUnsafeMutableBytes {
                unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
        }
        buffer.dropFirst(count)
        EventLoop.spend(count)
        return count
    }

    /// Reads all bytes until the end of the stream.
    ///
    /// - Throws: The same errors as ``read(_:)``. If the task is cancelled, no bytes are lost, because the received
    ///   bytes stay in the buffer.
    /// - Complexity: O(*n*), where *n* is the number of bytes that are read.
    ///
    /// asyncio: `StreamReader.read()`.
    public func readToEnd() async throws -> [UInt8] {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        while !isEOF { try await fill("read", wanted: .max) }
        return take(.max)
    }

    /// Reads exactly `count` bytes. The number can exceed ``limit``.
    ///
    /// - Throws: ``IncompleteReadError`` if the stream ends first; ``ValueError`` if `count` is negative;
    ///   otherwise the same errors as ``read(_:)``. If the task is cancelled, no bytes are lost.
    /// - Complexity: O(*n*), where *n* is `count`.
    ///
    /// asyncio: `StreamReader.readexactly`.
    public func readExactly(_ count: Int) async throws -> [UInt8] {
        guard count >= 0 else { throw ValueError("count must not be negative, got \(count)") }
        try await buffer(atLeast: count)
        return count == 0 ? [] : take(count)
    }

    @inline(__always)
    private func buffer(atLeast count: Int) async throws {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        while buffer.count < count {
            if isEOF { throw IncompleteReadError(partial: buffer.takeFirst(.max), expected: count) }
            try await fill("readExactly", wanted: count - buffer.count)
        }
    }

    /// Waits until the next `count` bytes have arrived, and returns them without removing them from the stream.
    ///
    /// Use this method to decide how to read the data that follows. For example, a task can peek at a header and then
    /// read the whole message. If the task is cancelled between these two steps, no bytes are lost.
    ///
    /// - Parameter count: The number of bytes, which can exceed ``limit``.
    /// - Returns: The bytes. The array contains fewer than `count` bytes only if the stream ends first.
    /// - Throws: ``ValueError`` if `count` is negative; otherwise the same errors as ``read(_:)``. If the task is
    ///   cancelled, no bytes are lost.
    /// - Complexity: O(*n*), where *n* is `count`.
    ///
    /// asyncio: none. Go: `bufio.Reader.Peek`.
    public func peek(_ count: Int) async throws -> [UInt8] {
        guard count >= 0 else { throw ValueError("count must not be negative, got \(count)") }
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        while buffer.count < count, !isEOF { try await fill("peek", wanted: count - buffer.count) }
        return buffer.prefix(count)
    }

    /// Reads the bytes up to and including the first occurrence of `separator`.
    ///
    /// - Returns: The bytes, including the separator.
    /// - Throws: ``IncompleteReadError`` if the stream ends first; ``LimitOverrunError`` if more than ``limit`` bytes
    ///   precede the separator, in which case the bytes stay in the stream; ``ValueError`` if the separator is empty;
    ///   otherwise the same errors as ``read(_:)``. If the task is cancelled, no bytes are lost.
    /// - Complexity: O(*n*), where *n* is the number of bytes that are read.
    ///
    /// asyncio: `StreamReader.readuntil`.
    public func readUntil(_ separator: [UInt8]) async throws -> [UInt8] {
        try await readUntil(anyOf: [separator])
    }

    /// Reads the bytes up to and including the first of several separators. If several separators match, the method
    /// uses the match that ends first. If several matches end at the same place, the method uses the shortest
    /// separator.
    ///
    /// - Returns: The bytes, including the separator.
    /// - Throws: The same errors as ``readUntil(_:)``; ``ValueError`` if `separators` is empty. If the task is
    ///   cancelled, no bytes are lost.
    ///
    /// asyncio: `StreamReader.readuntil`, given a tuple.
    public func readUntil(anyOf separators: [[UInt8]]) async throws -> [UInt8] {
        try await readUntil(anyOf: separators, limit: limit)
    }

    @inline(__always)
    private func readUntil(anyOf separators: [[UInt8]], limit: Int) async throws -> [UInt8] {
        // The shortest separator comes first. If several separators end at the same place, the shortest is used.
        let separators = separators.count > 1 ? separators.sorted { $0.count < $1.count } : separators
        guard let shortest = separators.first?.count, let longest = separators.last?.count, shortest > 0 else {
            throw ValueError("readUntil() needs at least one separator, and separators must not be empty")
        }
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        var offset = 0
        while true {
            if buffer.count - offset >= shortest {
                if let match = firstMatch(separators, from: offset) {
                    guard match.lowerBound <= limit else {
                        throw LimitOverrunError(
                            "Separator is found, but chunk is longer than limit", consumed: match.lowerBound)
                    }
                    return take(match.upperBound)
                }
                // The last bytes may be the beginning of a separator.
                offset = max(0, buffer.count + 1 - longest)
                if offset > limit {
                    throw LimitOverrunError(
                        "Separator is not found, and chunk exceeds the limit", consumed: offset)
                }
            }
            if isEOF { throw IncompleteReadError(partial: buffer.takeFirst(.max), expected: nil) }
            try await fill("readUntil")
        }
    }

    private func firstMatch(_ separators: [[UInt8]], from offset: Int) -> Range<Int>? {
        let longest = separators[separators.count - 1].count
        // To avoid searching the whole buffer each time for a separator that does not occur, the search uses growing
        // windows.
        var start = offset
        var size = separators.count == 1 ? buffer.count : max(512, 2 * longest)
        while true {
            let end = min(buffer.count, start + size)
            var first: Range<Int>?
            for separator in separators {
                // Another separator counts only if it ends earlier.
                let bound = first.map { $0.upperBound - 1 } ?? end
                guard let found = buffer.firstIndex(of: separator, from: start, to: bound) else { continue }
                first = found..<found + separator.count
            }
            if first != nil || end == buffer.count { return first }
            // The last bytes of this window may be the beginning of a separator.
            start = end + 1 - longest
            size *= 2
        }
    }

    /// Reads a line, up to and including its newline.
    ///
    /// - Returns: The line, including its newline. If the stream ends before a newline arrives, the line has no
    ///   newline. At the end of the stream, the array is empty.
    /// - Throws: ``ValueError`` if the line is longer than ``limit``, in which case the part of the line that has
    ///   arrived is dropped; otherwise the same errors as ``read(_:)``. If the task is cancelled, no bytes are lost.
    /// - Complexity: O(*n*), where *n* is the number of bytes that are read.
    ///
    /// asyncio: `StreamReader.readline`.
    public func readLine() async throws -> [UInt8] { try await readLine(limit: limit) }

    /// Reads a line with a limit that does not exceed the reader's limit.
    ///
    /// - Parameter dropsRest: Whether the next call drops the rest of a line that was too long.
    @inline(__always)
    func readLine(limit: Int, dropsRest: Bool = false) async throws -> [UInt8] {
        if dropsRest, isInsideLongLine { try await dropRestOfLine() }
        if EventLoop.isBudgetSpent { try await giveWay() }
        if failure == nil, let newline = buffer.firstIndex(of: 0x0A), newline <= limit { return take(newline + 1) }
        let newline: [UInt8] = [0x0A]
        do {
            return try await readUntil(anyOf: [newline], limit: limit)
        } catch let error as IncompleteReadError {
            return error.partial
        } catch let error as LimitOverrunError {
            if buffer.starts(with: newline, at: error.consumed) {
                buffer.dropFirst(error.consumed + 1)
            } else {
                buffer.removeAll()
                isInsideLongLine = dropsRest
            }
            throw ValueError(error.message)
        }
    }

    /// Drops the bytes up to and including the next newline, or up to the end of the stream.
    private func dropRestOfLine() async throws {
        while true {
            if EventLoop.isBudgetSpent { try await giveWay() }
            let newline = buffer.firstIndex(of: 0x0A)
            dropBytes(newline.map { $0 + 1 } ?? buffer.count)
            if newline != nil || isEOF { return }
            isInsideLongLine = true
            try await fill("readLine")
        }
    }

    // MARK: In the user's module

    // The following methods are the parts of codecs and integers that do not depend on their types.

    /// Waits until `count` bytes are buffered.
    ///
    /// - Throws: ``IncompleteReadError`` if the stream ends first; otherwise any error of the stream.
    @usableFromInline
    func waitForBytes(_ count: Int) async throws { try await buffer(atLeast: count) }

    /// Waits until a byte is buffered or the stream ends, and returns whether the stream has ended.
    @usableFromInline
    func isAtEnd() async throws -> Bool {
        if let failure { throw failure }
        while buffer.isEmpty, !isEOF { try await fill("peek", wanted: 1) }
        return buffer.isEmpty
    }

    @usableFromInline
    func bufferedByte(_ index: Int) -> UInt8 { buffer[index] }

    @usableFromInline
    func dropBytes(_ count: Int) {
        isInsideLongLine = false
        buffer.dropFirst(count)
        EventLoop.spend(count)
    }

    @usableFromInline
    func takeBytes(_ count: Int) -> [UInt8] { count == 0 ? [] : take(count) }

    // MARK: Feeding manually

    /// Adds bytes to a reader that has no connection.
    ///
    /// - Parameter bytes: The bytes to add.
    /// - Throws: ``RuntimeError`` after ``feedEOF()``.
    ///
    /// asyncio: `StreamReader.feed_data`.
    public func feed(_ bytes: [UInt8]) throws(RuntimeError) {
        if isEOF { throw RuntimeError("feed() after feedEOF()") }
        buffer.append(bytes[...])
        waiter?.complete()
    }

    /// Ends the stream of a reader that has no connection.
    ///
    /// asyncio: `StreamReader.feed_eof`.
    public func feedEOF() {
        isEOF = true
        waiter?.complete()
    }

    /// Ends the stream with an error. The read in progress and every later read throw `error`.
    ///
    /// asyncio: `StreamReader.set_exception`.
    public func setError(_ error: any Error) {
        failure = error
        waiter?.complete()
    }

    // MARK: Another channel

    /// Removes and returns the buffered bytes. No task can read until ``endChange(to:)`` is called.
    ///
    /// - Throws: ``RuntimeError`` if a task is reading.
    func beginChange(_ operation: StaticString) throws -> [UInt8] {
        try checkIdle(operation)
        isReading = true
        return buffer.takeFirst(.max)
    }

    func endChange(to channel: ByteChannel) {
        self.channel = channel
        isReading = false
    }

    func checkIdle(_ operation: StaticString) throws(RuntimeError) {
        if isReading { throw ConcurrentRead.error(operation) }
    }

    // MARK: Inside

    /// Whether all bytes that were received have been read.
    var isBufferEmpty: Bool { buffer.isEmpty }

    /// Aborts the reader's connection.
    func abort() { channel?.abort() }

    @inline(__always)
    private func take(_ count: Int) -> [UInt8] {
        isInsideLongLine = false
        let bytes = buffer.takeFirst(count)
        EventLoop.spend(bytes.count)
        return bytes
    }

    /// Waits for more bytes or the end of the stream. The buffer grows to at most twice ``limit``, or to its current
    /// size plus `wanted` bytes, whichever is greater.
    private func fill(_ operation: StaticString, wanted: Int = 0) async throws {
        try checkIdle(operation)
        isReading = true
        defer { isReading = false }
        if let channel {
            let count = max(wanted, 2 * min(limit, .max / 2) - buffer.count, 1)
            if try await unsafe channel.receive(atMost: count, { unsafe buffer.append($0) }) == 0 { isEOF = true }
        } else {
            let waiter = Waiter(for: "StreamReader")
            self.waiter = waiter
            defer { self.waiter = nil }
            try await waiter.wait()
            if let failure { throw failure }
        }
    }
}

private enum ConcurrentRead {
    static func error(_ operation: StaticString) -> RuntimeError {
        RuntimeError("\(operation)() called while another task is already waiting for incoming data")
    }
}
