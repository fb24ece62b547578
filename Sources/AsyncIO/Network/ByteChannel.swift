internal import AsyncIOSystem
internal import SystemPackage

// # What carries bytes
//
// StreamReader, StreamWriter and Transport stand on a ByteChannel and know no more of what
// is below. A `Connection` is a descriptor; a channel over a channel (TLS) encrypts. This
// class has what all of them share; `Channel` has the states and the water marks.
//
// Reading is pulled, and has three calls: try, be told, wait. `receive` is the try and the
// wait together, for a task; a Transport tries when it is told.

/// A two-way stream of bytes on a loop. Loop thread only.
class ByteChannel: Channel {
    /// Receives what is there and hands it to `take` without a copy.
    ///
    /// - Parameter count: how many bytes at most.
    /// - Returns: how many there were; 0 at the end of the stream; nil if there is nothing
    ///   now. After ``close()`` there is only the end.
    /// - Throws: the error that the channel failed with, this time or before.
    func tryReceive(atMost count: Int, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Int? { abstract() }

    /// The same for who wants to keep the bytes.
    func tryReceive(atMost count: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        return try unsafe tryReceive(atMost: count) { unsafe bytes = Array($0) }.map { _ in bytes }
    }

    /// The same, straight into memory of the caller's.
    func tryReceive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int? {
        try unsafe tryReceive(atMost: buffer.count) { unsafe buffer.copyMemory(from: $0) }
    }

    /// Wakes whoever is in ``waitReadable()``, perhaps for nothing.
    func wakeReader() { abstract() }

    /// Tries once, waiting until there is something to be received; see ``tryReceive(atMost:_:)``.
    ///
    /// - Returns: how many bytes there were; 0 at the end of the stream.
    nonisolated(nonsending) func receive(
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

    /// Sends what fits now and keeps a copy of the rest; never blocks.
    ///
    /// - Throws: as ``checkWritable()``; what the channel fails with.
    func send(_ bytes: UnsafeRawBufferPointer) throws { abstract() }

    /// The same for bytes that lie in several places, which are not joined first. A channel that can
    /// send several in one system call does.
    func send(_ pieces: [[UInt8]]) throws {
        for piece in pieces { try unsafe piece.withUnsafeBytes { unsafe try send($0) } }
    }

    /// Ends the sending half, after what is kept.
    func sendEOF() throws { abstract() }

    /// Whether the sending half can end by itself.
    var canSendEOF: Bool { abstract() }

    /// Ends without sending what is kept, and so that the peer sees the connection break.
    func reset() { abstract() }

    // MARK: A channel over this one

    /// The channel that TLS has put over this one.
    final weak var upper: ByteChannel?
    /// The uppermost: the one that is to be closed, so that each says its end.
    final var top: ByteChannel { upper?.top ?? self }
    /// To be called after bytes that were buffered have been sent: they count for the channels
    /// above too, whose water marks this channel may not have passed.
    final func noteProgress() {
        notePressure()
        upper?.noteProgress()
    }
    /// How many channels are below.
    var depth: Int { 0 }
    /// What TLS has agreed on, if this is a channel with TLS.
    var tls: TLSInfo? { nil }
}

extension ByteChannel {
    /// Sends what fits now and keeps the rest.
    final func send(_ bytes: [UInt8]) throws { try unsafe bytes.withUnsafeBytes { unsafe try send($0) } }

    final func tryReceive(into span: inout MutableRawSpan) throws -> Int? {
        try unsafe span.withUnsafeMutableBytes { unsafe try tryReceive(into: $0) }
    }

    /// Sends what fits now and keeps a copy of the rest.
    final func send(_ bytes: RawSpan) throws { try unsafe bytes.withUnsafeBytes { unsafe try send($0) } }
}
