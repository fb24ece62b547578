internal import AsyncIOSystem

// # Closing
//
// Each side of TLS says its end (close_notify), and a side that closes waits for the other's: so it
// knows that all was received, and nothing that is on its way makes the kernel break the connection
// with a reset. But a peer need not answer. It may go on sending, for as long as it likes: a client
// that uploads, a server in the midst of a download. So there are three bounds, whichever comes first:
//
// - bytes: of what still comes, 8 MiB are read and dropped, and no more;
// - patience: a peer that sends data, though it was told the end, has a second for its own;
// - time: the context's `shutdownTimeout` ends what none of them ends, with an error.
//
// After the first two, the lower channel is closed as any other: what it keeps is still sent.

extension TLSChannel {
    /// How far closing has come.
    struct Closing {
        /// TLS's end is with the lower channel.
        var isEndSaid = false
        /// How many of the peer's bytes were dropped.
        var dropped = 0
        /// The peer has gone on sending for too long.
        var isOutOfPatience = false
        /// When closing takes too long, on the loop's clock.
        var deadline: Int64 = 0

        /// About what may be on its way when the peer hears of the end: as large as Linux lets the buffers of a
        /// connection grow by itself.
        static let mostDropped = 8 << 20
        static let patience = Duration.seconds(1)

        var hasHeardEnough: Bool { isOutOfPatience || dropped > Self.mostDropped }
    }

    /// Sends what is held and TLS's end, and waits for the peer's.
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

    /// Sends TLS's end, if nothing is held any more: that goes first.
    func sayEnd() throws {
        try flush()
        guard held.isEmpty, !closing.isEndSaid else { return }
        closing.isEndSaid = true
        try engine.shutdown()
        try flush()
        if isEnded { finish() }
    }

    private func listen() { lower.whenReadable { [self] in dropOnce() } }

    /// Reads and drops what is there. One try a turn: a peer that sends without end must not
    /// stop the others.
    private func dropOnce() {
        guard state == .closing, error == nil else { return }
        // What was written is with the kernel, or not; a broken connection is bad news only then.
        ignoresLoss = outgoingCount == 0
        do {
            var isOver = false
            let received = try unsafe lower.tryReceive(atMost: 65_536) { bytes in isOver = unsafe drop(bytes) }
            if received == 0 || isOver || closing.hasHeardEnough { return nothingMoreComes() }
            if !lower.isClosing, lower.isReadable { listen() }
        } catch {
            // `lowerIsLost` comes.
        }
    }

    /// - Returns: whether nothing more will come.
    private func drop(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the engine writes no more than fits; nobody reads it.
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
                // Nothing can be encrypted any more.
                held.removeAll()
                closing.isEndSaid = true
                return true
            }
        }
    }

    /// The peer has said its end, or nobody listens any more. What is still held is sent first.
    private func nothingMoreComes() {
        isEnded = true
        lower.whenReadable(nil)
        if closing.isEndSaid { finish() }
    }

    /// The peer sends data, and perhaps goes on to.
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

    /// Both sides have said their end, or this one waits no longer.
    private func finish() {
        lower.whenReadable(nil)
        lower.close()
    }

    private func giveUpClosing() {
        abort(with: TimeoutError())
    }
}
