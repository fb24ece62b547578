internal import AsyncIOSystem
internal import SystemPackage

/// Connects to a TCP server.
///
/// Tries the host's addresses in the resolver's order until one answers.
///
/// ```swift
/// let (reader, writer) = try await openConnection(host: "127.0.0.1", port: 8080)
/// try await writer.write("hello\n")
/// let reply = try await reader.readLine()
/// writer.close()
/// try await writer.waitClosed()
/// ```
///
/// - Parameters:
///   - host: a name, an IPv4 or an IPv6 address.
///   - limit: how long a line may be, in bytes.
/// - Throws: ``OSError`` if no address answers, with what each said; ``ResolveError``;
///   ``ValueError`` for a port that is none; `CancellationError`: nothing is left open.
///
/// asyncio: `asyncio.open_connection`.
public nonisolated(nonsending) func openConnection(
    host: String, port: Int, limit: Int = defaultStreamLimit
) async throws -> (StreamReader, StreamWriter) {
    var failures: [OSError] = []
    for address in try await resolve(host: host, port: port, passive: false) {
        do {
            let connection = try await connect(to: address)
            return (try StreamReader(limit: limit, channel: connection), StreamWriter(channel: connection))
        } catch let error as OSError {
            failures.append(error)
        }
    }
    guard let first = failures.first else { throw ResolveError(host: host, reason: "no address") }
    throw failures.count == 1
        ? first
        : OSError(
            first.code,
            "connecting to \(host) port \(port) (\(failures.map(\.description).joined(separator: "; ")))")
}

private nonisolated(nonsending) func connect(to address: SystemAddress) async throws -> Connection {
    let loop = EventLoop.required(for: "openConnection")
    do {
        let socket = try Socket(for: address)
        if try !socket.connect(to: address) {
            let watch = try loop.watch(socket.descriptor)
            defer { loop.unwatch(watch) }
            watch.canWrite = false
            try await watch.waitWritable()
            if let error = socket.connectionError { throw error }
        }
        return try Connection(socket, on: loop, local: nil, peer: address)
    } catch let error as Errno {
        throw OSError(error, "connecting to \(address.description)")
    }
}
