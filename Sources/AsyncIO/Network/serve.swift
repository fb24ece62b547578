/// The task of one connection: runs its handler, after TLS's handshake if there is to be one,
/// and closes the connection.
func serve(
    _ connection: ByteChannel, limit: Int, _ upgrade: TLSUpgrade?, isolation: isolated (any Actor)?,
    fileID: StaticString, line: UInt,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) -> AnyAsyncTask {
    createTask(isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        guard let channel = try await upgraded(connection, upgrade) else { return }
        let (reader, writer) = try streams(on: channel, limit: limit)
        defer { writer.close() }
        do {
            try await handler(reader, writer)
        } catch let error where isCancellation(error) {
            // Whoever cancelled the task knows.
        } catch {
            report(error, from: channel)
        }
    }
}

/// The channel that a server uses; nil if there is none after all. Peers that make no proper
/// handshake are as common as those that go away.
nonisolated(nonsending) func upgraded(_ connection: ByteChannel, _ upgrade: TLSUpgrade?) async throws -> ByteChannel? {
    guard let upgrade else { return connection }
    do {
        return try await upgrade(connection)
    } catch {
        noteHandshakeFailure(error, of: connection)
        return nil
    }
}

/// Tells of it in debug mode.
func noteHandshakeFailure(_ error: any Error, of connection: ByteChannel) {
    guard connection.loop.debug, !isCancellation(error) else { return }
    connection.loop.callExceptionHandler(
        ExceptionContext(message: "The handshake of a connection failed", error: error, subject: connection.name))
}

/// Tells of an error that a handler ended with. A peer that goes away is the weather of
/// networks and no mistake of the program: that is told in debug mode only.
private func report(_ error: any Error, from channel: ByteChannel) {
    let isPeersDoing = channel.isClosing && ((error as? OSError)?.isConnectionError ?? (error is TLSError))
    if isPeersDoing, !channel.loop.debug { return }
    channel.loop.callExceptionHandler(
        ExceptionContext(
            message: "Unhandled exception in a connection's handler", error: error,
            subject: channel.name))
}
