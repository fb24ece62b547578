/// The receiving end of a stream.
///
/// One task reads at a time. Bytes that were received and not asked for stay here; a task
/// that is cancelled while it reads loses none.
///
/// asyncio: `asyncio.StreamReader`.
public final class StreamReader {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.
    // First what each read looks at, so that it lies together.
    @safe @exclusivity(unchecked) private var channel: ByteChannel?
    @safe @exclusivity(unchecked) private var failure: (any Error)?
    @safe @exclusivity(unchecked) private var buffer = ByteBuffer()
    @safe @exclusivity(unchecked) private var isEOF = false
    @safe @exclusivity(unchecked) private var isReading = false
    /// Who waits for `feed`, in a reader without a connection.
    private var waiter: Waiter?

    /// How long a line or a part up to a separator may be, in bytes.
    public let limit: Int

    /// A reader that is fed by hand; see ``feed(_:)``.
    ///
    /// - Throws: ``ValueError`` if `limit` is not positive.
    public convenience init(limit: Int = defaultStreamLimit) throws(ValueError) {
        try self.init(limit: limit, channel: nil)
    }

    init(limit: Int, channel: ByteChannel?) throws(ValueError) {
        guard limit > 0 else { throw ValueError("the limit of a stream must be positive, not \(limit)") }
        self.limit = limit
        self.channel = channel
    }

    /// Whether the peer has ended the stream and everything was read.
    ///
    /// It looks at the connection if there may be news, so that the end is known as soon as it has come:
    /// no read has to meet it first. False if the connection broke, which the next read tells.
    ///
    /// asyncio: `StreamReader.at_eof`.
    public var isAtEOF: Bool {
        guard buffer.isEmpty else { return false }
        if !isEOF, !isReading, failure == nil, let channel, channel.isReadable {
            // What comes stays here; an error stays with the channel.
            let count = try? unsafe channel.tryReceive(atMost: 2 * min(limit, .max / 2)) { unsafe buffer.append($0) }
            if count == 0 { isEOF = true }
        }
        return isEOF && buffer.isEmpty
    }

    /// What the stream broke with, if it did.
    ///
    /// asyncio: `StreamReader.exception`.
    public var error: (any Error)? { failure ?? channel?.error }

    // MARK: Reading

    /// Reads up to `count` bytes: what is there, waiting only if nothing is. Reads to the end
    /// of the stream if `count` is negative.
    ///
    /// - Returns: the bytes; none at the end of the stream.
    /// - Throws: ``OSError`` if the connection breaks; ``RuntimeError`` if another task is
    ///   reading; `CancellationError`.
    ///
    /// asyncio: `StreamReader.read`.
    public nonisolated(nonsending) func read(_ count: Int = -1) async throws -> [UInt8] {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        if count == 0 { return [] }
        if count < 0 { return try await readToEnd() }
        if buffer.isEmpty, !isEOF {
            guard let channel else {
                try await fill("read")
                return take(count)
            }
            // Straight to the caller, past the buffer.
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

    /// Reads into memory of the caller's: what is there, waiting only if nothing is. Bytes that
    /// no earlier call left here go there straight from the system.
    ///
    /// - Returns: how many bytes; 0 at the end of the stream.
    /// - Throws: as ``read(_:)``.
    ///
    /// asyncio: `loop.sock_recv_into`, for streams.
    public nonisolated(nonsending) func read(into span: inout MutableRawSpan) async throws -> Int {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        if span.byteCount == 0 { return 0 }
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
            // SAFETY: both have at least `count` bytes.
            unsafe span.withUnsafeMutableBytes {
                unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
        }
        buffer.dropFirst(count)
        EventLoop.spend(count)
        return count
    }

    /// What has come stays here until the end has come too: a task that is cancelled loses nothing.
    private nonisolated(nonsending) func readToEnd() async throws -> [UInt8] {
        while !isEOF { try await fill("read", wanted: .max) }
        return take(.max)
    }

    /// Reads exactly `count` bytes, however many that are.
    ///
    /// - Throws: ``IncompleteReadError`` if the stream ends before; ``ValueError`` if `count`
    ///   is negative; otherwise as ``read(_:)``.
    ///
    /// asyncio: `StreamReader.readexactly`.
    public nonisolated(nonsending) func readExactly(_ count: Int) async throws -> [UInt8] {
        guard count >= 0 else { throw ValueError("readExactly() needs a count that is not negative, not \(count)") }
        if EventLoop.isBudgetSpent { try await giveWay() }
        if let failure { throw failure }
        while buffer.count < count {
            if isEOF { throw IncompleteReadError(partial: buffer.takeFirst(.max), expected: count) }
            try await fill("readExactly", wanted: count - buffer.count)
        }
        return count == 0 ? [] : take(count)
    }

    /// Reads up to and including the first `separator`.
    ///
    /// - Throws: ``IncompleteReadError`` if the stream ends before; ``LimitOverrunError`` if
    ///   more than ``limit`` bytes come before it: they stay in the stream; ``ValueError`` if
    ///   the separator is empty; otherwise as ``read(_:)``.
    ///
    /// asyncio: `StreamReader.readuntil`.
    public nonisolated(nonsending) func readUntil(_ separator: [UInt8]) async throws -> [UInt8] {
        try await readUntil(anyOf: [separator])
    }

    /// Reads up to and including the first of several separators: the one that ends first,
    /// and of those that end there the shortest.
    ///
    /// asyncio: `StreamReader.readuntil`, given a tuple.
    public nonisolated(nonsending) func readUntil(anyOf separators: [[UInt8]]) async throws -> [UInt8] {
        // The shortest first: of those that end at the same place it is the one that counts.
        let separators = separators.count > 1 ? separators.sorted { $0.count < $1.count } : separators
        guard let shortest = separators.first?.count, let longest = separators.last?.count, shortest > 0 else {
            throw ValueError("readUntil() needs a separator, of at least one byte")
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
                // A separator may have begun in the last bytes.
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
        // One that is not there at all must not be looked for in all of the buffer each time: so the
        // search goes by windows, which grow.
        var start = offset
        var size = separators.count == 1 ? buffer.count : max(512, 2 * longest)
        while true {
            let end = min(buffer.count, start + size)
            var first: Range<Int>?
            for separator in separators {
                // Another one counts only if it ends sooner.
                let bound = first.map { $0.upperBound - 1 } ?? end
                guard let found = buffer.firstIndex(of: separator, from: start, to: bound) else { continue }
                first = found..<found + separator.count
            }
            if first != nil || end == buffer.count { return first }
            // It may have begun in the last bytes of this window.
            start = end + 1 - longest
            size *= 2
        }
    }

    /// Reads a line, up to and including its newline.
    ///
    /// - Returns: the line; without a newline if the stream ends before one; nothing at the
    ///   end of the stream.
    /// - Throws: ``ValueError`` if the line is longer than ``limit``: then it is dropped, as
    ///   far as it has come; otherwise as ``read(_:)``.
    ///
    /// asyncio: `StreamReader.readline`.
    public nonisolated(nonsending) func readLine() async throws -> [UInt8] {
        if EventLoop.isBudgetSpent { try await giveWay() }
        if failure == nil, let newline = buffer.firstIndex(of: 0x0A), newline <= limit { return take(newline + 1) }
        let newline: [UInt8] = [0x0A]
        do {
            return try await readUntil(newline)
        } catch let error as IncompleteReadError {
            return error.partial
        } catch let error as LimitOverrunError {
            if buffer.starts(with: newline, at: error.consumed) {
                buffer.dropFirst(error.consumed + 1)
            } else {
                buffer.removeAll()
            }
            throw ValueError(error.message)
        }
    }

    // MARK: Feeding by hand

    /// Adds bytes to a reader that has no connection.
    ///
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

    /// Breaks the stream: the read that waits and every later one throw `error`.
    ///
    /// asyncio: `StreamReader.set_exception`.
    public func setError(_ error: any Error) {
        failure = error
        waiter?.complete()
    }

    // MARK: Another channel

    /// Takes the bytes that are here; no other task may read until ``endChange(to:)``.
    ///
    /// - Throws: ``RuntimeError`` if one is reading.
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

    /// Ends what the reader reads from.
    func abort() { channel?.abort() }

    @inline(__always)
    private func take(_ count: Int) -> [UInt8] {
        let bytes = buffer.takeFirst(count)
        EventLoop.spend(bytes.count)
        return bytes
    }

    /// Waits for more bytes, or the end. What comes is bounded: no more than twice the limit,
    /// or than is wanted, is kept.
    private nonisolated(nonsending) func fill(_ operation: StaticString, wanted: Int = 0) async throws {
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

/// How many bytes a stream's line may have, if nobody says otherwise: 64 KiB.
public let defaultStreamLimit = 65_536
