import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Connections that start in plain text.
@Suite(.requires(.tls), .loopback) struct StartTLSTests {
    @Test func bothSidesGoOnWithTLS() async throws {
        let context = try serverContext()
        try await withPlainServer({ reader, writer in
            #expect(try await reader.readLine() == Array("STARTTLS\n".utf8))
            try await writer.write("GO\n")
            try await writer.startTLS(context)
            try await echoing(reader, writer)
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("STARTTLS\n")
            #expect(try await reader.readLine() == Array("GO\n".utf8))
            #expect(writer.tls == nil)
            try await writer.startTLS(clientContext(), serverHostname: "localhost")
            #expect(writer.tls?.version == .v1_3)
            let sent = [UInt8](repeating: 9, count: 300_000)
            let sending = createTask { try await writer.write(sent) }
            #expect(try await reader.readExactly(sent.count) == sent)
            try await sending.value
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func bytesThatCameEarlyAreTheBeginningOfTLS() async throws {
        let context = try serverContext()
        try await withPlainServer({ reader, writer in
            // By now the client's first TLS bytes have arrived too.
            try await sleep(.milliseconds(30))
            _ = try await reader.readLine()
            try await writer.startTLS(context)
            try await echoing(reader, writer)
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("STARTTLS\n")
            try await writer.startTLS(clientContext(), serverHostname: "localhost")
            try await writer.write("hello\n")
            #expect(try await reader.readLine() == Array("hello\n".utf8))
            writer.close()
        }
    }

    @Test func whatCameUnprotectedIsNotTakenForProtected() async throws {
        try await withPlainServer({ reader, writer in
            try await writer.write("GO\nINJECTED\n")
            _ = try await reader.read()
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            _ = try await reader.readLine()
            let error = await tlsError { try await writer.startTLS(clientContext(), serverHostname: "localhost") }
            #expect(error?.code == .protocolViolation)
            #expect(writer.isClosing)
            #expect(try await reader.read(100).isEmpty)
        }
    }

    @Test func mistakesLeaveTheConnectionAsItIs() async throws {
        try await withPlainServer(echoing) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            await #expect(throws: ValueError.self) { try await writer.startTLS(clientContext()) }
            await #expect(throws: ValueError.self) {
                try await writer.startTLS(serverContext(), serverHostname: "localhost")
            }
            let reading = createTask { try await reader.readLine() }
            try await sleep(.zero)
            await #expect(throws: RuntimeError.self) {
                try await writer.startTLS(clientContext(), serverHostname: "localhost")
            }
            try await writer.write("still here\n")
            #expect(try await reading.value == Array("still here\n".utf8))
            writer.close()
        }
    }

    @Test func cancellingItClosesTheConnection() async throws {
        try await withPlainServer({ reader, _ in _ = try await reader.read() }) { port in
            let before = Process.descriptors
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            let task = createTask { try await writer.startTLS(clientContext(), serverHostname: "localhost") }
            try await sleep(.milliseconds(5))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(writer.isClosing)
            try await eventually { Process.opened(since: before).isEmpty }
        }
    }

    @Test(arguments: [1, 2, 3])
    func tlsOverTLS(depth: Int) async throws {
        let context = try serverContext()
        try await withTLSServer(
            context,
            { reader, writer in
                for _ in 0..<depth { try await writer.startTLS(context) }
                try await echoing(reader, writer)
            }
        ) { port in
            let client = try clientContext()
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: client)
            for _ in 0..<depth { try await writer.startTLS(client, serverHostname: "localhost") }
            let sent = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let sending = createTask { try await writer.write(sent) }
            var received: [UInt8] = []
            while received.count < sent.count { received += try await reader.read(100_000) }
            #expect(received == sent)
            try await sending.value
            writer.close()
            try await writer.waitClosed()
        }
    }

    // MARK: Transports

    /// Records the calls that it receives, and passes on bytes.
    final class Recorder: ConnectionProtocol {
        var log: [String] = []
        var received: [UInt8] = []
        var onData: ((Recorder) throws -> Void)?
        var onLost: (() -> Void)?
        var transport: Transport?

        func connectionMade(_ transport: Transport) {
            self.transport = transport
            log.append("made")
        }
        func dataReceived(_ bytes: [UInt8]) throws {
            received += bytes
            try onData?(self)
        }
        func eofReceived() -> Bool {
            log.append("eof")
            return false
        }
        func connectionLost(_ error: (any Error)?) {
            log.append(error.map { "lost: \($0)" } ?? "lost")
            onLost?()
        }
    }

    @Test func aTransportGoesOnWithTLS() async throws {
        let loop = try EventLoop.running
        let context = try serverContext()
        let upgraded = Event()
        let server = try await loop.createServer(host: "127.0.0.1", port: 0) {
            let it = Recorder()
            it.onData = { it in
                guard it.received == Array("STARTTLS\n".utf8) else { return }
                it.received = []
                let plain = it.transport!
                plain.pauseReading()
                try plain.write("GO\n")
                createTask {
                    it.transport = try await loop.startTLS(plain, it, context)
                    it.onData = { it in
                        try it.transport?.write(it.received)
                        it.received = []
                    }
                    upgraded.set()
                }
            }
            return it
        }
        defer { server.close() }

        let got = Event()
        let lost = Event()
        let (plain, client) = try await loop.createConnection(host: "127.0.0.1", port: server.port) { Recorder() }
        client.onData = { _ in got.set() }
        client.onLost = { lost.set() }
        try plain.write("STARTTLS\n")
        try await got.wait()
        #expect(client.received == Array("GO\n".utf8))
        client.received = []
        got.clear()
        let tls = try await loop.startTLS(plain, client, clientContext(), serverHostname: "localhost")
        #expect(tls.tls?.peerCertificate?.subject == "CN=localhost")
        try await upgraded.wait()
        try tls.write("secret")
        while client.received.count < 6 {
            try await got.wait()
            got.clear()
        }
        #expect(client.received == Array("secret".utf8))
        tls.close()
        try await lost.wait()
        #expect(client.log == ["made", "lost"])
    }

    @Test func aProtocolHearsOfAFailedUpgrade() async throws {
        let loop = try EventLoop.running
        try await withPlainServer({ reader, writer in
            _ = try await reader.read(1_000)
            try await writer.write("no TLS at all")
            _ = try await reader.read()
        }) { port in
            let lost = Event()
            let (plain, client) = try await loop.createConnection(host: "127.0.0.1", port: port) { Recorder() }
            client.onLost = { lost.set() }
            let error = await tlsError {
                _ = try await loop.startTLS(plain, client, clientContext(), serverHostname: "localhost")
            }
            #expect(error?.code == .protocolViolation)
            try await lost.wait()
            #expect(client.log.count == 2)
            #expect(client.log.last?.hasPrefix("lost: TLS handshake with localhost") == true)
            #expect(plain.isClosing)
            await #expect(throws: ValueError.self) {
                _ = try await loop.startTLS(plain, client, clientContext(), serverHostname: "localhost")
            }
        }
    }

    @Test(.eventLoop) func aPipeCannotHaveTLS() async throws {
        let loop = try EventLoop.running
        let pipe = try Pipe()
        let (transport, recorder) = try await loop.connectReadPipe(dup(pipe.reader)) { Recorder() }
        await #expect(throws: ValueError.self) {
            _ = try await loop.startTLS(transport, recorder, clientContext(), serverHostname: "localhost")
        }
        transport.close()
    }
}
