internal import AsyncIOSystem

// # Closing
//
// Each side of a TLS connection announces its end (close_notify). A side that closes waits for the other side's
// announcement. The announcement confirms that all data was received, and that no bytes in flight can make the kernel
// break the connection with a reset. However, a peer does not have to answer. For example, a client can continue an
// upload, and a server can continue a download. Therefore, there are three limits, and the first limit that is reached
// applies:
//
// - Bytes: up to 8 MiB of further data is read and dropped.
// - Patience: a peer that sends data after this side's announcement has one second to send its own announcement.
// - Time: the context's `shutdownTimeout` ends everything else with an error.
//
// After either of the first two limits, the lower channel is closed normally, so its buffered bytes are still sent.

extension TLSChannel {
    /// The state of a channel that is closing.
    struct Closing {
        /// Whether this side's close_notify has been passed to the lower channel.
        var isEndSaid = false
        /// The number of bytes from the peer that were dropped.
        var dropped = 0
        /// Whether the peer has continued to send data for too long.
        var isOutOfPatience = false
        /// The time on the loop's clock at which closing times out.
        var deadline: Int64 = 0

        /// The maximum number of bytes from the peer to drop. Linux can grow the buffers of a connection to this size.
        /// The size is therefore approximately the maximum amount of data in flight when the peer receives this side's
        /// close_notify.
        static let mostDropped = 8 << 20
        static let patience = Duration.seconds(1)

        var hasHeardEnough: Bool { isOutOfPatience || dropped > Self.mostDropped }
    }

    /// Sends the held bytes and a close_notify, and starts to wait for the peer's close_notify.
    func closeGracefully() {
        closing.deadline = loop.time.advanced(by: context.shutdownTimeout)
        timer = loop.schedule(.callback { [self] in giveUpClosing() }, at: closing.deadline)
        do {
            try sayEnd()
        } catch {
            _ = fail(error)
            return
        }
        if lower.isClosing { return finish() }
        if unsafe isEnded || drop(UnsafeRawBufferPointer(start: nil, count: 0)) {
            nothingMoreComes()
        } else {
            listen()
        }
    }

    /// Sends the held bytes, followed by a close_notify. If some bytes cannot be sent yet, the close_notify is sent
    /// later.
    func sayEnd() throws {
        try flush()
        guard held.isEmpty, !closing.isEndSaid else { return }
        closing.isEndSaid = true
        try engine.shutdown()
        try flush()
        if isEnded { finish() }
    }

    private func listen() { lower.whenReadable { [self] in dropOnce() } }

    /// Reads and drops the available bytes once per turn, so that a peer that sends endlessly does not block the other
    /// connections.
    private func dropOnce() {
        guard state == .closing, error == nil else { return }
        // A broken connection matters only if some of the written bytes have not been passed to the kernel.
        ignoresLoss = outgoingCount == 0
        do {
            var isOver = false
            let received = try unsafe lower.tryReceive(atMost: 65_536) { bytes in isOver = unsafe drop(bytes) }
            if received == 0 || isOver || closing.hasHeardEnough { return nothingMoreComes() }
            if !lower.isClosing, lower.isReadable { listen() }
        } catch {
            // `lowerIsLost` will be called.
        }
    }

    /// Decrypts and drops bytes from the peer. Returns whether the peer has sent its close_notify.
    private func drop(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the engine writes at most as many bytes as fit, and no code reads them.
        unsafe withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { target in
            do {
                let before = closing.dropped
                var count = 0
                var outcome = unsafe try engine.read(bytes, into: target, count: &count)
                closing.dropped += count
                while outcome == .done {
                    unsafe outcome = try engine.read(
                        UnsafeRawBufferPointer(start: nil, count: 0), into: target, count: &count)
                    closing.dropped += count
                }
                if before == 0, closing.dropped > 0 { losePatience() }
                if !held.isEmpty { try sayEnd() }
                return outcome == .closed
            } catch {
                // Nothing more can be encrypted.
                held.removeAll()
                closing.isEndSaid = true
                return true
            }
        }
    }

    /// Called when the peer has sent its close_notify, or when this side stops reading. If bytes are still held, they
    /// are sent before the channel is closed.
    private func nothingMoreComes() {
        isEnded = true
        lower.whenReadable(nil)
        if closing.isEndSaid { finish() }
    }

    /// Limits the time that this side waits for the peer's close_notify, because the peer is sending data and might not
    /// stop.
    private func losePatience() {
        timer?.cancel()
        timer = loop.schedule(
            .callback { [self] in
                timer = loop.schedule(.callback { [self] in giveUpClosing() }, at: closing.deadline)
                ignoresLoss = outgoingCount == 0
                closing.isOutOfPatience = true
                nothingMoreComes()
            }, at: min(closing.deadline, loop.time.advanced(by: Closing.patience)))
    }

    /// Called when both sides have sent a close_notify, or when this side stops waiting.
    private func finish() {
        lower.whenReadable(nil)
        lower.close()
    }

    private func giveUpClosing() {
        abort(with: TimeoutError())
    }
}
