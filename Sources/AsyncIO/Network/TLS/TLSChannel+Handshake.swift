internal import AsyncIOSystem
internal import SystemPackage

extension TLSChannel {
    /// Performs the handshake. If this method throws an error, this channel and the lower channel are closed.
    ///
    /// - Parameter early: Bytes that have already been received from the peer.
    /// - Throws: The same errors as ``checkHandshake()``; `CancellationError` if the task is cancelled.
    func handshake(early: [UInt8] = []) async throws {
        let end = Waiter(for: "a TLS handshake")
        startHandshake(early: early) { end.complete() }
        do {
            try await end.wait()
        } catch {
            abort()
            throw error
        }
        try checkHandshake()
    }

    /// Checks that the handshake succeeded.
    ///
    /// - Throws: ``TLSError`` if one side rejected the other; ``OSError`` if the connection broke (`connectionReset`),
    ///   the handshake timed out, or this side closed the connection (`connectionAbort`).
    func checkHandshake() throws {
        if let error { throw error }
        if !isEstablished { throw OSError(.connectionAbort, "TLS handshake with \(name): the connection was closed") }
    }

    /// Starts the handshake, and calls `isOver` when the handshake succeeds or fails.
    func startHandshake(early: [UInt8] = [], _ isOver: @escaping () -> Void) {
        onHandshakeEnd = isOver
        if let host, let session = context.sessions.take(for: host) { engine.offer(session) }
        timer = loop.schedule(
            .callback { [weak self] in self?.giveUpHandshake() },
            at: loop.time.advanced(by: context.handshakeTimeout))
        do {
            try unsafe early.withUnsafeBytes { unsafe try engine.feed($0) }
            // A client sends first, but a server may already have received the bytes that it needs.
            if try advance() { lower.whenReadable { [self] in continueHandshake() } }
        } catch {
            handshakeFails(with: error)
        }
    }

    /// Called when the lower channel becomes readable or ends.
    private func continueHandshake() {
        guard !isEstablished, !isClosing else { return }
        do {
            var rounds = 0
            repeat {
                rounds += 1
                // Other work must also get a turn.
                if rounds > 16 { return lower.whenReadable { [self] in continueHandshake() } }
                var problem: (any Error)?
                let received = try unsafe lower.tryReceive(atMost: 32_768) { bytes in
                    do { unsafe try engine.feed(bytes) } catch { problem = error }
                }
                guard let received else { return }
                if let problem { throw problem }
                if received == 0 {
                    throw OSError(.connectionReset, "TLS handshake with \(name): the peer ended the connection")
                }
            } while try advance()
        } catch {
            handshakeFails(with: error)
        }
    }

    /// Continues the handshake as far as the received bytes allow.
    ///
    /// - Returns: Whether more bytes are needed.
    private func advance() throws -> Bool {
        while true {
            switch try engine.handshake() {
            case .wantsChoice: choose()
            case .wantsInput:
                try flush()
                return true
            case .done, .closed:
                try flush()
                establish()
                return false
            }
        }
    }

    private func establish() {
        isEstablished = true
        // The peer's first bytes may already have been received.
        hasMore = true
        timer?.cancel()
        timer = nil
        lower.whenReadable(nil)
        keepSession()
        onHandshakeEnd.take()?()
    }

    /// Chooses the context for the name that the client requested.
    private func choose() {
        do {
            guard let chosen = try context.sniCallback?(engine.wantedName) else { return engine.choose(nil) }
            guard chosen.isServer else { throw ValueError("sniCallback returned a client's context") }
            engine.choose(chosen.engine)
        } catch {
            engine.refuse()
            loop.callExceptionHandler(
                ExceptionContext(
                    message: "Exception in the SNI callback; the client was refused", error: error, subject: name))
        }
    }

    private func giveUpHandshake() {
        let limit = context.handshakeTimeout
        abort(
            with: OSError(
                .connectionAbort, "TLS handshake with \(name) is taking longer than \(limit): aborting the connection"))
    }

    private func handshakeFails(with error: any Error) {
        _ = fail((error as? TLSFailure).map { TLSError($0, "TLS handshake with \(name)") } ?? error)
    }

    /// Saves a session that the server issued, so that the next connection to the server can resume it.
    func keepSession() {
        guard let host, let session = engine.takeSession() else { return }
        context.sessions.insert(session, for: host)
    }
}
