/// Opens a connection, and runs `body` with the connection. If the connection breaks, the function opens a new
/// connection and runs `body` again.
///
/// ```swift
/// try await withReconnection(backoff: Backoff(jitter: 0.5)) {
///     try await openConnection(host: "feed.example", port: 4000)
/// } body: { reader, writer in
///     defer { writer.close() }
///     for try await line in reader.lines { handle(line) }
///     throw OSError(.connectionReset, "the feed ended")
/// }
/// ```
///
/// The delay between attempts grows with each failed attempt to open a connection, and is reset after `body` has run.
/// Cancelling the task ends the current delay, the current attempt, or `body`.
///
/// - Parameters:
///   - backoff: How long to wait before the next connection is opened.
///   - attempts: The maximum number of attempts to open each connection, or `nil` for no limit.
///   - shouldReconnect: A closure that returns whether to reconnect after `open` or `body` has thrown an error. By
///     default, the closure returns `true` for an ``OSError``, a ``ResolveError``, and an ``IncompleteReadError``.
///   - open: A closure that opens a connection.
///   - body: A closure that uses the connection and closes it.
/// - Returns: The value that `body` returns.
/// - Throws: Any error for which `shouldReconnect` returns `false`; the error of the last attempt to open a connection;
///   ``ValueError`` if `attempts` is less than 1; `CancellationError` if the task is cancelled.
///
/// asyncio: none. websockets: `async for websocket in connect(…)`.
public func withReconnection<Connection, T>(
    backoff: Backoff = Backoff(), attempts: Int? = nil,
    when shouldReconnect: (any Error) -> Bool = { $0 is OSError || $0 is ResolveError || $0 is IncompleteReadError },
    open: nonisolated(nonsending) () async throws -> Connection,
    body: nonisolated(nonsending) (Connection) async throws -> T
) async throws -> T {
    if let attempts, attempts < 1 { throw ValueError("attempts must be at least 1, got \(attempts)") }
    var generator = SystemRandomNumberGenerator()
    // The number of consecutive failed attempts to open a connection.
    var failures = 0
    while true {
        var isOpen = false
        do {
            let connection = try await open()
            isOpen = true
            return try await body(connection)
        } catch let error where isCancellation(error) {
            throw CancellationError()
        } catch {
            failures = isOpen ? 0 : failures + 1
            guard shouldReconnect(error), failures < attempts ?? .max else { throw error }
        }
        try await sleep(backoff.delay(afterFailure: max(1, failures), using: &generator))
    }
}
