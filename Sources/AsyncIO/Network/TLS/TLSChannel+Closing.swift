internal import AsyncIOSystem

extension TLSChannel {
    /// Sends what is held and TLS's end, and waits for the peer's.
    func closeGracefully() {
        do {
            try sayEnd()
        } catch {
            _ = fail(error)
            return
        }
        timer = loop.schedule(
            .callback { [self] in giveUpClosing() }, at: loop.time.advanced(by: context.shutdownTimeout))
        if unsafe isEnded || lower.isClosing || drop(UnsafeRawBufferPointer(start: nil, count: 0)) {
            finish()
        } else {
            listen()
        }
    }

    private func sayEnd() throws {
        try flush()
        // What is held goes first; see `dropOnce`.
        guard held.isEmpty else { return }
        try engine.shutdown()
        try flush()
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
            if received == 0 || isOver { return finish() }
            if lower.isReadable { listen() }
        } catch {
            // `lowerIsLost` comes.
        }
    }

    /// - Returns: whether nothing more will come.
    private func drop(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the engine writes no more than fits; nobody reads it.
        unsafe withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { target in
            do {
                var count = 0
                var outcome = unsafe try engine.read(bytes, into: target, count: &count)
                while outcome == .done {
                    unsafe outcome = try engine.read(
                        UnsafeRawBufferPointer(start: nil, count: 0), into: target, count: &count)
                }
                if !held.isEmpty { try sayEnd() }
                return outcome == .closed
            } catch {
                return true
            }
        }
    }

    /// Both sides have said their end.
    private func finish() {
        lower.whenReadable(nil)
        lower.close()
    }

    private func giveUpClosing() {
        abort(with: TimeoutError())
    }
}
