import AsyncIO

extension ByHand {
    /// A server that accepts TLS connections and connects each client, without TLS, to a server on this machine. If
    /// more than `limit` clients connect, the others have to wait. A connection on which no bytes have moved for
    /// `patience` is cut off.
    static func tlsProxy(
        _ tls: TLSContext, to port: Int, limit: Int, patience: Duration
    ) async throws -> Server {
        let slots = Semaphore(limit)
        return try await startServer(host: "127.0.0.1", port: 0, tls: tls) { reader, writer in
            try await slots.withLock {
                let (upstreamReader, upstreamWriter) = try await openConnection(host: "127.0.0.1", port: port)
                defer { upstreamWriter.close() }
                let activity = Activity()
                do {
                    try await race(
                        {
                            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
                                try group.createTask { try await copy(reader, to: upstreamWriter, activity) }
                                try await copy(upstreamReader, to: writer, activity)
                            }
                        }, { try await activity.waitForSilence(patience) })
                } catch is TimeoutError {
                    writer.abort()
                    upstreamWriter.abort()
                }
            }
        }
    }

    private static func copy(_ reader: StreamReader, to writer: StreamWriter, _ activity: Activity) async throws {
        while true {
            let bytes = try await reader.read(65_536)
            activity.count += 1
            if bytes.isEmpty { break }
            try await writer.write(bytes)
            activity.count += 1
        }
        if writer.isClosing { return }
        if writer.canWriteEOF { try writer.writeEOF() } else { writer.close() }
    }

    private final class Activity {
        var count = 0

        func waitForSilence(_ patience: Duration) async throws {
            var last = -1
            while last != count {
                last = count
                try await sleep(patience)
            }
            throw TimeoutError()
        }
    }
}
