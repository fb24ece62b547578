internal import AsyncIOSystem
internal import SystemPackage

// # Byte channels
//
// StreamReader, StreamWriter, and Transport use a ByteChannel and do not depend on its implementation. A `Connection`
// uses a descriptor, and a TLS channel encrypts the data for another channel. This class contains the code that all of
// these channels share. `Channel` contains the states and the water marks.
//
// Reading is pull-based and has three operations: try, be notified, and wait. For a task, `receive` tries and then
// waits if necessary. A Transport tries when it is notified.

/// A two-way stream of bytes. Use this type only on the loop's thread.
package class ByteChannel: Channel {
    /// A number that changes whenever bytes are received or sent, so that a time limit can detect an idle connection.
    @safe @exclusivity(unchecked) final var activity = 0

    /// Receives the available bytes, and passes them to `take` without copying them.
    ///
    /// - Parameter count: The maximum number of bytes.
    /// - Returns: The number of bytes, 0 at the end of the stream, or nil if no bytes are available now. After
    ///   ``close()``, the result is always 0.
    /// - Throws: The error that caused the channel to fail.
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

    /// Wakes the task that is waiting in ``waitReadable()``, even if no bytes have arrived.
    func wakeReader() { abstract() }

    /// Waits until at least one byte is available, and receives the available bytes; see ``tryReceive(atMost:_:)``.
    ///
    /// - Returns: The number of bytes, or 0 at the end of the stream.
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

    /// Sends the bytes that the system accepts now, and buffers a copy of the rest. This method never blocks.
    ///
    /// - Throws: The same errors as ``checkWritable()``; the error that causes the channel to fail.
    func send(_ bytes: UnsafeRawBufferPointer) throws { abstract() }

    /// Sends several pieces of data without joining them first, with one system call if possible.
    func send(_ pieces: [[UInt8]]) throws {
        for piece in pieces { try unsafe piece.withUnsafeBytes { unsafe try send($0) } }
    }

    /// Ends the sending half of the connection after the buffered data is sent.
    func sendEOF() throws { abstract() }

    /// Whether the sending half of the connection can be ended separately.
    var canSendEOF: Bool { abstract() }

    /// Resets the connection without sending buffered data, so that the peer detects that the connection broke.
    func reset() { abstract() }

    /// Replaces the address of the peer with the address that a proxy has announced.
    func setPeer(_ address: Endpoint) { abstract() }

    // MARK: A channel over this one

    /// The TLS channel directly over this channel, or nil if there is no such channel.
    final weak var upper: ByteChannel?
    /// The uppermost channel. If the connection is closed through the uppermost channel, every TLS channel announces
    /// the end to the peer.
    final var top: ByteChannel { upper?.top ?? self }
    /// Updates ``isPaused``. Call this method after buffered bytes have been sent. The method also updates the channels
    /// above this channel, because the same bytes count toward their water marks.
    final func noteProgress() {
        notePressure()
        upper?.noteProgress()
    }
    /// The number of channels below this channel.
    var depth: Int { 0 }
    /// The results of the TLS negotiation, or nil if this is not a TLS channel.
    var tls: TLSInfo? { nil }
}

extension ByteChannel {
    /// Sends the bytes that the system accepts now, and buffers the rest.
    final func send(_ bytes: [UInt8]) throws { try unsafe bytes.withUnsafeBytes { unsafe try send($0) } }

    final func tryReceive(into span: inout MutableRawSpan) throws -> Int? {
        try unsafe span.withUnsafeMutableBytes { unsafe try tryReceive(into: $0) }
    }

    /// Appends the bytes that can be received now to `span`.
    final func tryReceive(into span: inout OutputSpan<UInt8>) throws -> Int? {
        try unsafe span.withUnsafeMutableBufferPointer { buffer, initializedCount in
            // SAFETY: the bytes after the initialized bytes also belong to the span, and a byte needs no initialization
            // before it is overwritten.
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount...])
            let received = try unsafe tryReceive(into: room)
            initializedCount += received ?? 0
            return received
        }
    }

    /// Sends the bytes that the system accepts now, and buffers a copy of the rest.
    final func send(_ bytes: RawSpan) throws { try unsafe bytes.withUnsafeBytes { unsafe try send($0) } }
}
