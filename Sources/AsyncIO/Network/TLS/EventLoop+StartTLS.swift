extension EventLoop {
    /// Continues a transport's connection with TLS, as the protocols do that begin in plain text
    /// and have a word for it (STARTTLS).
    ///
    /// The protocol is called with what comes over the new transport, and no longer by the old
    /// one, which is of no more use. `connectionMade` is not called again. If it fails, the
    /// connection is closed, and `connectionLost` is called.
    ///
    /// - Parameters:
    ///   - context: a client's, or a server's: that is the side which this end takes.
    ///   - serverHostname: on a client's side, the name that the server's certificate must be for.
    /// - Throws: ``ValueError`` if there is no name to check, or the transport is a pipe's, or
    ///   closing; ``RuntimeError`` if it has TLS already, or sends a file; ``TLSError`` or ``OSError`` if the handshake fails, and `CancellationError`: the
    ///   connection is closed then.
    ///
    /// asyncio: `loop.start_tls`.
    public nonisolated(nonsending) func startTLS(
        _ transport: Transport, _ receiver: any TransportProtocol, _ context: TLSContext, serverHostname: String? = nil
    ) async throws -> Transport {
        try checkOpen("startTLS")
        let upgrade = try TLSUpgrade(context, serverHostname: serverHostname)
        guard transport.channel.canSendEOF || transport.channel.depth > 0 else {
            throw ValueError("\(transport) cannot have TLS: it is no socket")
        }
        guard !transport.isClosing else { throw ValueError("\(transport) cannot have TLS: it is closing") }
        if let hindrance = transport.hindrance { throw RuntimeError("\(transport) cannot have TLS: \(hindrance)") }
        let lower = transport.handOver()
        do {
            return Transport(continuing: try await upgrade(lower), receiver)
        } catch {
            _ = try? callSoon { try receiver.connectionLost(isCancellation(error) ? nil : error) }
            throw error
        }
    }
}
