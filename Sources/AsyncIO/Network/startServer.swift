internal import AsyncIOSystem
internal import SystemPackage

/// Starts a TCP server.
///
/// Each connection gets a task of its own, in which `handler` runs; when the handler ends,
/// in whatever way, its connection is closed. An error that it throws goes to the loop's
/// exception handler.
///
/// ```swift
/// let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
///     for try await line in reader.lines { try await writer.write(line + "\n") }
/// }
/// ```
///
/// - Parameters:
///   - host: the name or address to listen on; nil for all interfaces.
///   - port: 0 for one that the system chooses; see ``Server/port``.
///   - backlog: how many connections may wait in the kernel.
///   - limit: how long a line may be, in bytes.
///   - reusePort: whether other processes may listen on the same port.
/// - Throws: ``OSError`` if an address cannot be listened on (in use, not permitted);
///   ``ResolveError``; ``ValueError`` for a port that is none.
///
/// asyncio: `asyncio.start_server`.
public func startServer(
    host: String?, port: Int, backlog: Int = 100, limit: Int = defaultStreamLimit, reusePort: Bool = false,
    isolation: isolated (any Actor)? = #isolation,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) async throws -> Server {
    guard limit > 0 else { throw ValueError("the limit of a stream must be positive, not \(limit)") }
    let loop = EventLoop.required(for: "startServer")
    let addresses = try await resolve(host: host, port: port, passive: true)
    let sockets = try listen(on: addresses, backlog: backlog, reusePort: reusePort)
    return try Server(sockets, on: loop, backlog: backlog) { connection in
        serve(connection, limit: limit, isolation: isolation, handler)
    }
}

/// One connection's task.
private func serve(
    _ connection: Connection, limit: Int, isolation: isolated (any Actor)?,
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
) {
    createTask(isolation: isolation) {
        _ = isolation
        let writer = StreamWriter(channel: connection)
        defer { writer.close() }
        do {
            try await handler(try StreamReader(limit: limit, channel: connection), writer)
        } catch is CancellationError {
            // Whoever cancelled the task knows.
        } catch {
            EventLoop.report(
                ExceptionContext(
                    message: "Unhandled exception in a connection's handler", error: error,
                    subject: connection.peerAddress?.description))
        }
    }
}

/// One socket for each address. With port 0 the first one's port is used for all.
private func listen(on addresses: [SystemAddress], backlog: Int, reusePort: Bool) throws -> [Socket] {
    var sockets: [Socket] = []
    for address in addresses {
        let target = address.port == 0 ? address.with(port: sockets.first?.localAddress?.port ?? 0) : address
        do {
            sockets.append(try Socket.listening(on: target, backlog: backlog, reusePort: reusePort))
        } catch Errno.addressNotAvailable where addresses.count > 1 {
            // A family that the machine does not have.
        } catch {
            throw OSError(error, "listening on \(target.description)")
        }
    }
    guard !sockets.isEmpty else { throw OSError(.addressNotAvailable, "listening: no address is available") }
    return sockets
}
