/// The task of one connection: runs its handler, and closes the connection.
func serve(
    _ channel: ByteChannel, limit: Int, isolation: isolated (any Actor)?,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) -> AnyAsyncTask {
    createTask(isolation: isolation) {
        _ = isolation
        let writer = StreamWriter(channel: channel)
        defer { writer.close() }
        do {
            try await handler(try StreamReader(limit: limit, channel: channel), writer)
        } catch is CancellationError {
            // Whoever cancelled the task knows.
        } catch {
            report(error, from: channel)
        }
    }
}

/// Tells of an error that a handler ended with. A peer that goes away is the weather of
/// networks and no mistake of the program: that is told in debug mode only.
private func report(_ error: any Error, from channel: ByteChannel) {
    let isPeersDoing = channel.isClosing && (error as? OSError)?.isConnectionError == true
    if isPeersDoing, !channel.loop.debug { return }
    channel.loop.callExceptionHandler(
        ExceptionContext(
            message: "Unhandled exception in a connection's handler", error: error,
            subject: channel.name))
}
