internal import SystemPackage

/// Creates the task that serves a connection. If the server uses TLS, the task performs the handshake. The task then
/// runs the handler and closes the connection.
///
/// - Parameter server: The server, if its connections come from a proxy; otherwise nil.
func serve(
    _ connection: ByteChannel, limit: Int, ofProxy server: Server?, _ upgrade: TLSUpgrade?,
    isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) -> AnyAsyncTask {
    createTask(isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        var early: [UInt8] = []
        if let server {
            guard let rest = try await connection.readProxyHeader(for: server) else { return }
            early = rest
        }
        guard let channel = try await upgraded(connection, upgrade, early: early) else { return }
        let (reader, writer) = try streams(on: channel, limit: limit)
        if upgrade == nil, !early.isEmpty { try reader.feed(early) }
        defer { writer.close() }
        do {
            try await handler(reader, writer)
        } catch let error where isCancellation(error) {
            // A cancellation is not an error to report.
        } catch {
            report(error, from: channel)
        }
    }
}

/// Performs the TLS handshake if `upgrade` is not nil. Returns the channel for the server to use, or nil if the
/// handshake failed. Failed handshakes are as common as disconnects, so they are reported only in debug mode.
func upgraded(
    _ connection: ByteChannel, _ upgrade: TLSUpgrade?, early: [UInt8]
) async throws -> ByteChannel? {
    guard let upgrade else { return connection }
    do {
        return try await upgrade(connection, early: early)
    } catch {
        noteHandshakeFailure(error, of: connection)
        return nil
    }
}

/// Reports a failed handshake in debug mode.
func noteHandshakeFailure(_ error: any Error, of connection: ByteChannel) {
    guard connection.loop.debug, !isCancellation(error) else { return }
    connection.loop.callExceptionHandler(
        ExceptionContext(message: "The handshake of a connection failed", error: error, subject: connection.name))
}

/// Reports an error that a handler threw. Disconnects are normal on a network and are not program errors, so they are
/// reported only in debug mode.
private func report(_ error: any Error, from channel: ByteChannel) {
    let isDisconnect = (error as? OSError).map { $0.isConnectionError || $0.code == .timedOut } ?? (error is TLSError)
    let isPeersDoing = channel.isClosing && isDisconnect
    if isPeersDoing, !channel.loop.debug { return }
    channel.loop.callExceptionHandler(
        ExceptionContext(
            message: "Unhandled exception in a connection's handler", error: error,
            subject: channel.name))
}
