import AsyncIO

extension Short {
    /// A server that accepts TLS connections and connects each client, without TLS, to a server on this machine. If
    /// more than `limit` clients connect, the others have to wait. A connection on which no bytes have moved for
    /// `patience` is cut off.
    static func tlsProxy(
        _ tls: TLSContext, to port: Int, limit: Int, patience: Duration
    ) async throws -> Server {
        let options = Server.Options(maxConnections: limit, idleTimeout: patience)
        return try await startServer(host: "127.0.0.1", port: 0, tls: tls, options: options) { reader, writer in
            let upstream = try await openConnection(host: "127.0.0.1", port: port)
            defer { upstream.1.close() }
            try await copyBothWays((reader, writer), upstream)
        }
    }
}
