// The code of Sources/AsyncIO/AsyncIO.docc/StreamsTransportsAndTLS.md.

import AsyncIO
import AsyncIOTesting
import Testing

final class Echo: ConnectionProtocol {
    private var transport: Transport?

    func connectionMade(_ transport: Transport) { self.transport = transport }
    func dataReceived(_ bytes: [UInt8]) throws { try transport?.write(bytes) }
    func pauseWriting() { transport?.pauseReading() } // the peer reads too slowly
    func resumeWriting() { transport?.resumeReading() }
    func connectionLost(_ error: (any Error)?) { transport = nil }
}

@Suite(.eventLoop) struct Streams {
    @Test func framing() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            do {
                while true {
                    let head = try await reader.readExactly(2)
                    let body = try await reader.readExactly(Int(head[0]) << 8 | Int(head[1]))
                    try await writer.write(head + body)
                }
            } catch let error as IncompleteReadError where error.partial.isEmpty {
                // The peer closed the connection between two messages.
            }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write([0, 3, 1, 2, 3])
        #expect(try await reader.readExactly(5) == [0, 3, 1, 2, 3])
        writer.close()
        try await server.shutdown(within: .seconds(1))
    }

    @Test func anEndThatIsNotClean() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await writer.write("half")
        }
        var report = ""
        do {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            defer { writer.close() }
            _ = try await withTimeout(.seconds(5)) { try await reader.readText(until: "\r\n") }
        } catch let error as IncompleteReadError {
            report = "the peer ended after \(error.partial.count) bytes"
        } catch let error as OSError where error.isConnectionError {
            report = "the peer went away: \(error)"
        } catch is TimeoutError {
            report = "the peer is silent"
        }
        #expect(report == "the peer ended after 4 bytes")
        try await server.shutdown(within: .seconds(1))
    }

    @Test func protocols() async throws {
        let loop = try EventLoop.running
        let server = try await loop.createServer(host: "127.0.0.1", port: 0) { Echo() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write("echo\n")
        #expect(try await reader.readTextLine() == "echo")
        writer.close()
        try await server.shutdown(within: .seconds(1))
    }

    @Test func datagrams() async throws {
        let server = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
        let client = try await openDatagramSocket(remoteAddress: server.localAddress)
        try await client.send("ping")
        let (bytes, sender) = try await server.receive()
        try await server.send(bytes, to: sender)
        #expect(try await client.receive().bytes == Array("ping".utf8))
        client.close()
        server.close()
    }

    @Test func unixSockets() async throws {
        let name = "asyncio-documentation-\(UInt64.random(in: 0...UInt64.max))"
        let server = try await startServer(on: .unix(path: "\0\(name)")) { reader, writer in
            try await writer.write(try await reader.readLine())
        }
        let (reader, writer) = try await openConnection(to: .unix(path: "\0\(name)"))
        try await writer.write("hello\n")
        #expect(try await reader.readTextLine() == "hello")
        writer.close()
        try await server.shutdown(within: .seconds(1))
    }

    /// Passes bytes on until they end, and then the end.
    func pump(from reader: StreamReader, to writer: StreamWriter) async throws {
        while true {
            let bytes = try await reader.read(64 * 1_024)
            if bytes.isEmpty { break }
            try await writer.write(bytes)
        }
        if writer.canWriteEOF { try writer.writeEOF() } else { writer.close() }
    }

    @Test func aProxyPassesEndsOn() async throws {
        let backend = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            let text = try await reader.readText() // to the end, which has to come first
            try await writer.write(text.uppercased())
        }
        let proxy = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            let (backendReader, backendWriter) = try await openConnection(host: "127.0.0.1", port: backend.port)
            defer { backendWriter.close() }
            try await withAsyncTaskGroup { group in
                try group.createTask { try await pump(from: reader, to: backendWriter) }
                try await pump(from: backendReader, to: writer)
            }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: proxy.port)
        try await writer.write("hello")
        try writer.writeEOF()
        #expect(try await reader.readText() == "HELLO")
        writer.close()
        #expect(try await proxy.shutdown(within: .seconds(1)) == 0)
        try await backend.shutdown(within: .seconds(1))
    }

    func standardStreams() async throws {
        let input = try openStandardInput()
        let output = try openStandardOutput()
        for try await line in input.lines {
            try await output.write(line.uppercased() + "\n")
        }
    }

    func closing(_ server: Server) async throws {
        let cutOff = try await server.shutdown(within: .seconds(20))
        print(cutOff)
    }

    // MARK: TLS, which needs certificates

    func tlsClient() async throws {
        let (reader, writer) = try await openConnection(host: "example.com", port: 443, tls: .client())
        try await writer.write("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
        let page = try await reader.readToEnd()
        if let tls = writer.tls { print(tls.version, page.count) }
    }

    func tlsServer() async throws {
        let tls = try TLSContext.server(certificate: "/etc/app/cert.pem", key: "/etc/app/key.pem")
        try tls.setALPN(["http/1.1"])
        tls.handshakeTimeout = .seconds(10)
        let server = try await startServer(host: .anyInterface, port: 8443, tls: tls) { reader, writer in
            try await handle(reader, writer)
        }
        try await server.serveForever()
    }

    nonisolated static func tlsOnEveryLoop() async throws {
        var configuration = TLSContext.Configuration.server(certificate: "/etc/app/cert.pem", key: "/etc/app/key.pem")
        configuration.applicationProtocols = ["http/1.1"]
        configuration.minimumVersion = .v1_3
        let server = try await startMultiLoopServer(port: 8443, tls: configuration) { io, reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        try await server.serve(until: .terminate, grace: .seconds(10))
    }

    func ownAuthority() async throws {
        let context = try TLSContext.client(systemTrust: false)
        try context.trust(file: "/etc/app/our-authority.pem")
        try context.useCertificate("/etc/app/client.pem") // if the server asks for one
        let (_, writer) = try await openConnection(
            host: "10.0.0.7", port: 8443, tls: context, options: .init(serverHostname: "db.internal"))
        writer.close()
    }

    func startTLS() async throws {
        let (reader, writer) = try await openConnection(host: "mail.example.com", port: 587)
        _ = try await reader.readLine()
        try await writer.write("EHLO me\r\n")
        while try await reader.readTextLine()?.hasPrefix("250-") == true {}
        try await writer.write("STARTTLS\r\n")
        _ = try await reader.readLine()
        try await writer.startTLS(.client(), serverHostname: "mail.example.com")
        writer.close()
    }
}
