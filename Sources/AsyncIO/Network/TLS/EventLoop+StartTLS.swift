extension EventLoop {
    /// Upgrades a transport's connection to TLS. Use this method for protocols that begin in plain text and switch to
    /// TLS after a command (STARTTLS).
    ///
    /// After the upgrade, the new transport calls the protocol, and the old transport can no longer be used.
    /// `connectionMade` is not called again. If the handshake fails, the connection is closed and `connectionLost` is
    /// called.
    ///
    /// - Parameters:
    ///   - transport: The transport to upgrade.
    ///   - receiver: The protocol of the new transport.
    ///   - context: A client context or a server context, depending on this side's role.
    ///   - serverHostname: For a client, the name for which the server's certificate must be valid.
    /// - Returns: The new transport.
    /// - Throws: ``ValueError`` if a client has no name to check, or if the transport is a pipe or is closing;
    ///   ``RuntimeError`` if the transport was already upgraded or is sending a file, or if the loop is closed. In
    ///   these cases, the connection continues unchanged. ``TLSError`` or ``OSError`` if the handshake fails;
    ///   `CancellationError` if the task is cancelled during the handshake. In these cases, the connection is closed.
    ///
    /// asyncio: `loop.start_tls`.
    public func startTLS(
        _ transport: Transport, _ receiver: any TransportProtocol, _ context: TLSContext, serverHostname: String? = nil
    ) async throws -> Transport {
        try checkOpen("startTLS")
        let upgrade = try TLSUpgrade(context, serverHostname: serverHostname)
        guard transport.channel.canSendEOF || transport.channel.depth > 0 else {
            throw ValueError("cannot start TLS on \(transport): it is not a socket")
        }
        guard !transport.isClosing else { throw ValueError("cannot start TLS on \(transport): it is closing") }
        if let hindrance = transport.hindrance { throw RuntimeError("cannot start TLS on \(transport): \(hindrance)") }
        let lower = transport.handOver()
        do {
            return Transport(continuing: try await upgrade(lower), receiver)
        } catch {
            _ = try? callSoon { try receiver.connectionLost(isCancellation(error) ? nil : error) }
            throw error
        }
    }
}
