internal import AsyncIOSystem
internal import SystemPackage

// # Byte channels
//
// StreamReader, StreamWriter and Transport use a ByteChannel and know nothing about what is below it. A
// `Connection` is a descriptor; a channel over another channel (TLS) encrypts. This class has what all of
// them share; `Channel` has the states and the water marks.
//
// Reading is pull-based, with three operations: try, be notified, and wait. `receive` combines trying and
// waiting, for a task; a Transport tries when it is notified.

/// A two-way stream of bytes. Loop thread only.
package class ByteChannel: Channel {
    /// Changes whenever bytes were received or sent, so that a time limit can tell that the connection is idle.
    @safe @exclusivity(unchecked) final var activity = 0

    /// Receives the available bytes and passes them to `take` without a copy.
    ///
    /// - Parameter count: The maximum number of bytes.
    /// - Returns: The number of bytes; 0 at the end of the stream; nil if nothing is available now. After
    ///   ``close()`` it is always 0.
    /// - Throws: The error that the channel fails with, now or earlier.
    func tryReceive(atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Int? { abstract() }

    /// Receives the available bytes as an array.
    func tryReceive(atMost count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        return try unsafe tryReceive(atMost: count) { unsafe bytes = Array($0) }.map { _ in bytes }
    }

    /// Receives the available bytes directly into the caller's memory.
    func tryReceive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
        try unsafe tryReceive(atMost: buffer.count) { unsafe buffer.copyMemory(from: $0) }
    }

    /// Wakes the task in ``waitReadable()``, possibly for nothing.
    func wakeReader() { abstract() }

    /// Receives bytes, waiting until there are any; see ``tryReceive(atMost:_:)``.
    ///
    /// - Returns: The number of bytes; 0 at the end of the stream.
    func receive(
        atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void
    ) async throws -> Int {
        if loop.isBudgetSpent { try await giveWay() }
        while true {
            if let received = try unsafe tryReceive(atMost: count, take) {
                loop.spend(received)
                return received
            }
            try await waitReadable()
        }
    }

    /// Sends what fits now and buffers a copy of the rest; never blocks.
    ///
    /// - Throws: The errors of ``checkWritable()``; the error that the channel fails with.
    func send(_ bytes: UnsafeRawBufferPointer) throws { abstract() }

    /// Sends several pieces without joining them first. A channel that can send them in one system call does
    /// so.
    func send(_ pieces: [[UInt8]]) throws {
        for piece in pieces { try unsafe piece.withUnsafeBytes { unsafe try send($0) } }
    }

    /// Ends the sending half after what is buffered.
    func sendEOF() throws { abstract() }

    /// Whether the sending half can end on its own.
    var canSendEOF: Bool { abstract() }

    /// Ends the channel without sending what is buffered, in a way that shows the peer that the connection
    /// broke.
    func reset() { abstract() }

    /// Replaces the address of the peer with the one that a proxy has announced.
    func setPeer(_ address: Endpoint) { abstract() }

    // MARK: A channel over this one

    /// The channel that TLS has put over this one.
    final weak var upper: ByteChannel?
    /// The uppermost channel: closing it lets every channel announce its end.
    final var top: ByteChannel { upper?.top ?? self }
    /// To be called after bytes that were buffered have been sent: they count for the channels
    /// above too, whose water marks this channel may not have passed.
    final func noteProgress() {
        notePressure()
        upper?.noteProgress()
    }
    /// The number of channels below this one.
    var depth: Int { 0 }
    /// What TLS has negotiated, if this is a TLS channel.
    var tls: TLSInfo? { nil }
}

extension ByteChannel {
    /// Sends what fits now and buffers the rest.
    final func send(_ bytes: [UInt8]) throws { try unsafe bytes.withUnsafeBytes { unsafe try send($0) } }

    final func tryReceive(into span: inout MutableRawSpan) throws -> Int? {
        try unsafe span.withUnsafeMutableBytes { unsafe try tryReceive(into: $0) }
    }

    /// Appends what can be received now.
    final func tryReceive(into span: inout OutputSpan<UInt8>) throws -> Int? {
        try unsafe span.withUnsafeMutableBufferPointer { buffer, initializedCount in
            // SAFETY: the bytes behind the initialized ones are the span's too, and a byte needs no initialization
            // before it is overwritten.
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount...])
            let received = try unsafe tryReceive(into: room)
            initializedCount += received ?? 0
            return received
        }
    }

    /// Sends what fits now and buffers a copy of the rest.
    final func send(_ bytes: RawSpan) throws { try unsafe bytes.withUnsafeBytes { unsafe try send($0) } }
}
