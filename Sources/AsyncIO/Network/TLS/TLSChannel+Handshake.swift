internal import AsyncIOSystem
internal import SystemPackage

extension TLSChannel {
    /// Runs the handshake. If it throws, the channel and the lower one are closed.
    ///
    /// - Parameter early: bytes of the peer's that were received already.
    /// - Throws: ``TLSError`` if one side refuses the other; ``OSError`` if the connection breaks
    ///   (`connectionReset`) or time runs out (`connectionAbort`); `CancellationError`.
    nonisolated(nonsending) func handshake(_ early: [UInt8]) async throws {
        if let host, let session = context.sessions.take(for: host) { engine.offer(session) }
        timer = loop.schedule(
            .callback { [weak self] in self?.giveUpHandshake() },
            at: loop.time.advanced(by: context.handshakeTimeout))
        defer {
            timer?.cancel()
            timer = nil
        }
        do {
            try unsafe early.withUnsafeBytes { unsafe try engine.feed($0) }
            while try step() {
                var problem: (any Error)?
                let received = try await unsafe lower.receive(atMost: 32_768) { bytes in
                    do { unsafe try engine.feed(bytes) } catch { problem = error }
                }
                if let problem { throw problem }
                if received == 0 {
                    throw error
                        ?? OSError(.connectionReset, "TLS handshake with \(name): the peer ended the connection")
                }
            }
            if let error { throw error }
        } catch {
            throw endHandshake(with: error)
        }
        isEstablished = true
        keepSession()
    }

    /// Goes as far as the peer's bytes carry.
    ///
    /// - Returns: whether more of them are needed.
    private func step() throws -> Bool {
        while true {
            switch try engine.handshake() {
            case .wantsChoice: choose()
            case .wantsInput:
                try flush()
                return true
            case .done, .closed:
                try flush()
                return false
            }
        }
    }

    /// The client has named its server.
    private func choose() {
        do {
            guard let chosen = try context.chooser?(engine.wantedName) else { return engine.choose(nil) }
            guard chosen.isServer else { throw ValueError("chooseByServerName() was given a client's context") }
            engine.choose(chosen.engine)
        } catch {
            engine.refuse()
            if !(error is CancellationError) {
                loop.callExceptionHandler(
                    ExceptionContext(message: "chooseByServerName() refuses a client", error: error, subject: name))
            }
        }
    }

    private func giveUpHandshake() {
        let seconds = context.handshakeTimeout
        endSoon(
            with: OSError(
                .connectionAbort, "TLS handshake with \(name) is taking longer than \(seconds): aborting the connection"
            ))
        lower.abort()
    }

    private func endHandshake(with error: any Error) -> any Error {
        if error is CancellationError {
            abort()
            return error
        }
        let operation = "TLS handshake with \(name)"
        return fail((error as? TLSFailure).map { TLSError($0, operation) } ?? error)
    }

    /// Keeps a session that the server gave, for the next connection to it.
    func keepSession() {
        guard let host, let session = engine.takeSession() else { return }
        context.sessions.insert(session, for: host)
    }
}
