import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Transports and protocols with TLS.
@Suite(.requires(.tls), .loopback) struct TLSTransportTests {
    final class Echo: ConnectionProtocol {
        private var transport: Transport?
        func connectionMade(_ transport: Transport) { self.transport = transport }
        func dataReceived(_ bytes: [UInt8]) throws { try transport?.write(bytes) }
    }

    /// Lends its own memory.
    final class Buffered: BufferedProtocol {
        private(set) var received: [UInt8] = []
        let lost = Event()
        let changed = Event()
        func withBuffer(sizeHint: Int, _ fill: (inout OutputSpan<UInt8>) throws -> Void) throws {
            try received.append(addingCapacity: 1000, initializingWith: fill)
        }
        func bufferUpdated(_ count: Int) {
            changed.set()
        }
        func connectionLost(_ error: (any Error)?) { lost.set() }
    }

    private func withEchoServer(_ body: (EventLoop, Int) async throws -> Void) async throws {
        let loop = try EventLoop.running
        let server = try await loop.createServer(host: "127.0.0.1", port: 0, tls: serverContext()) { Echo() }
        defer { server.close() }
        try await body(loop, server.port)
    }

    @Test func aProtocolIsToldOfItsConnectionAfterTheHandshake() async throws {
        try await withEchoServer { loop, port in
            let lost = Event()
            let (transport, client) = try await loop.createConnection(
                host: "localhost", port: port, tls: clientContext()
            ) { StartTLSTests.Recorder() }
            client.onLost = { lost.set() }
            #expect(client.log == ["made"])
            #expect(client.transport === transport)
            #expect(transport.tls?.version == .v1_3)
            let enough = Event()
            client.onData = { if $0.received.count == 200_000 { enough.set() } }
            try transport.write([UInt8](repeating: 3, count: 200_000))
            try await enough.wait()
            #expect(!transport.canWriteEOF)
            #expect(throws: RuntimeError.self) { try transport.writeEOF() }
            #expect(transport.writeBufferLimits == (low: 128 * 1024, high: 512 * 1024))
            transport.close()
            transport.close()
            try await lost.wait()
            #expect(client.log == ["made", "lost"])
        }
    }

    @Test func aProtocolNeverHearsOfAHandshakeThatFails() async throws {
        try await withEchoServer { loop, port in
            var made: [StartTLSTests.Recorder] = []
            let error = await tlsError {
                _ = try await loop.createConnection(host: "localhost", port: port, tls: .client()) {
                    made.append(StartTLSTests.Recorder())
                    return made[0]
                }
            }
            #expect(error?.code == .verification)
            for _ in 0..<5 { try await sleep(.zero) }
            let heard = made.flatMap(\.log)
            #expect(heard.isEmpty)
        }
    }

    @Test func aServersProtocolNeverHearsOfGarbage() async throws {
        let loop = try EventLoop.running
        var made = 0
        let server = try await loop.createServer(host: "127.0.0.1", port: 0, tls: serverContext()) {
            made += 1
            return Echo()
        }
        defer { server.close() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write("GET / HTTP/1.0\r\n\r\n")
        _ = try? await reader.read()
        writer.close()
        #expect(made == 0)
        try await eventually { server.connectionCount == 0 }
    }

    @Test func pausingStopsTheDeliveryAndThePeer() async throws {
        let loop = try EventLoop.running
        let (isOver, written) = (Event(), Counter())
        try await withTLSServer(
            nil,
            { _, writer in
                while !isOver.isSet {
                    try await writer.write([UInt8](repeating: 1, count: 65_536))
                    written.increase()
                }
            }
        ) { port in
            let (transport, client) = try await loop.createConnection(
                host: "localhost", port: port, tls: clientContext()
            ) { StartTLSTests.Recorder() }
            transport.pauseReading()
            try await sleep(.milliseconds(20))
            let (received, before) = (client.received.count, written.value)
            try await sleep(.milliseconds(50))
            #expect(client.received.count == received)
            // It could fill only the sockets' buffers and the high-water mark.
            #expect(written.value < 400)
            #expect(written.value >= before)
            let more = Event()
            client.onData = { if $0.received.count > received + 30_000_000 { more.set() } }
            transport.resumeReading()
            try await more.wait()
            isOver.set()
            transport.abort()
        }
    }

    @Test func aBufferedProtocolGetsPlainBytesInItsOwnMemory() async throws {
        try await withEchoServer { loop, port in
            let (transport, client) = try await loop.createConnection(
                host: "localhost", port: port, tls: clientContext()
            ) { Buffered() }
            let sent = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            try transport.write(sent)
            while client.received.count < sent.count {
                try await client.changed.wait()
                client.changed.clear()
            }
            #expect(client.received == sent)
            transport.close()
            try await client.lost.wait()
        }
    }

    @Test func thePeersEndClosesTheTransport() async throws {
        let loop = try EventLoop.running
        try await withTLSServer(nil, { _, writer in try await writer.write("bye") }) { port in
            let lost = Event()
            let (_, client) = try await loop.createConnection(host: "localhost", port: port, tls: clientContext()) {
                let it = StartTLSTests.Recorder()
                it.onLost = { lost.set() }
                return it
            }
            try await lost.wait()
            #expect(client.log == ["made", "eof", "lost"])
            #expect(client.received == Array("bye".utf8))
        }
    }

    @Test func aCutStreamIsToldToTheProtocol() async throws {
        let loop = try EventLoop.running
        try await withTLSServer(
            nil,
            { _, writer in
                try await sleep(.milliseconds(5))
                writer.abort()
            }
        ) { port in
            let lost = Event()
            let (_, client) = try await loop.createConnection(host: "localhost", port: port, tls: clientContext()) {
                let it = StartTLSTests.Recorder()
                it.onLost = { lost.set() }
                return it
            }
            try await lost.wait()
            #expect(client.log.last?.contains("close_notify") == true)
        }
    }

    @Test(.eventLoop) func socketsOfOthersAndUnixSockets() async throws {
        let loop = try EventLoop.running
        var pair: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        let accepting = createTask { try await loop.connectAcceptedSocket(pair[0], tls: serverContext()) { Echo() } }
        let (reader, writer) = try await openConnection(
            to: .socket(pair[1]), tls: clientContext(), options: .init(serverHostname: "localhost"))
        let (transport, _) = try await accepting.value
        #expect(transport.tls != nil)
        try await writer.write("hello\n")
        #expect(try await reader.readLine() == Array("hello\n".utf8))
        writer.close()
        try await writer.waitClosed()

        let path = Certificates.folder + "/transport.socket"
        let server = try await loop.createServer(on: .unix(path: path), tls: serverContext()) { Echo() }
        defer { server.close() }
        let (client, _) = try await loop.createConnection(
            to: .unix(path: path), tls: clientContext(), options: .init(serverHostname: "localhost")
        ) { StartTLSTests.Recorder() }
        #expect(client.tls?.serverName == "localhost")
        client.close()
    }
}
