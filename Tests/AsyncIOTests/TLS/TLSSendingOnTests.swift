import AsyncIO
import AsyncIOTesting
import Testing

/// A TLS connection that is closed while the peer continues to send. If closing waited for the
/// peer's end, it would never finish. No context here gives up before the test does.
@Suite(.requires(.tls), .loopback) struct TLSSendingOnTests {
    private func patientContext() throws -> TLSContext {
        let context = try clientContext()
        context.shutdownTimeout = .seconds(3600)
        return context
    }

    private func patientServerContext() throws -> TLSContext {
        let context = try serverContext()
        context.shutdownTimeout = .seconds(3600)
        return context
    }

    /// Sends until the connection breaks. Returns the number of bytes.
    private static func sendOn(_ writer: StreamWriter) async -> Int {
        var sent = 0
        while sent < 4 << 30 {
            do { try await writer.write([UInt8](repeating: 1, count: 65_536)) } catch { break }
            sent += 65_536
        }
        return sent
    }

    @Test func aClientThatLeavesADownloadIsGoneSoon() async throws {
        let sent = Future<Int>()
        try await withTLSServer(nil, { _, writer in try sent.setResult(await Self.sendOn(writer)) }) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: patientContext())
            _ = try await reader.read(1_000)
            writer.close()
            try await writer.waitClosed()
            // What the kernels hold, and little more.
            #expect(try await sent.value < 100 << 20)
        }
    }

    @Test func aTransportThatIsClosedIsGoneSoonToo() async throws {
        let sent = Future<Int>()
        try await withTLSServer(nil, { _, writer in try sent.setResult(await Self.sendOn(writer)) }) { port in
            let (transport, receiver) = try await EventLoop.running.createConnection(
                host: "localhost", port: port, tls: try patientContext()
            ) { RecordingProtocol() }
            try await eventually { receiver.calls.contains("data") }
            transport.close()
            try await receiver.waitUntilLost()
            #expect(receiver.error == nil)
            #expect(try await sent.value < 100 << 20)
        }
    }

    /// The ways to end a server's connections while clients are uploading.
    enum End: CaseIterable, Sendable { case handler, closeClients, shutdown }

    @Test(arguments: End.allCases)
    func aServerIsRidOfAClientThatUploads(end: End) async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, tls: try patientServerContext()) { reader, _ in
            _ = try await reader.read(1_000)
            if end == .closeClients { try await sleep(.seconds(3600)) }
        }
        let port = server.port
        let (_, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
        let sending = createTask { await Self.sendOn(writer) }
        switch end {
        case .handler: try await eventually { server.connectionCount == 0 }
        case .closeClients:
            try await eventually { server.connectionCount == 1 }
            server.closeClients()
            try await eventually { server.connectionCount == 0 }
        case .shutdown:
            #expect(try await server.shutdown(within: .seconds(600)) == 0)
        }
        #expect(try await sending.value < 1 << 30)
        writer.abort()
        server.abortClients()
        server.close()
    }

    @Test func aPeerThatSendsSlowlyIsNotWaitedForEither() async throws {
        try await withTLSServer(
            nil,
            { _, writer in
                while true {
                    try await writer.write("x")
                    try await sleep(.milliseconds(20))
                }
            }
        ) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: patientContext())
            _ = try await reader.read(1)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func whatWasWrittenBeforeIsDelivered() async throws {
        let answer = (0..<5_000).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 1_000) }
        // A client that sends more than anyone reads, and receives the answer meanwhile.
        try await withTLSServer(
            try patientServerContext(),
            { reader, writer in
                _ = try await reader.read(1_000)
                try await writer.write(answer)
            }
        ) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            try await writer.write([UInt8](repeating: 1, count: 200_000))
            #expect(try await reader.read() == answer)
            writer.close()
            try await writer.waitClosed()
        }
    }
}
