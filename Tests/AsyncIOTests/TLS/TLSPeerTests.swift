import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

/// Other programs at the other end of the connection.
@Suite(.requires(.tls), .eventLoop) struct TLSPeerTests {
    @Test(.requires(.openssl), arguments: ["-tls1_2", "-tls1_3"])
    func opensslSClientTalksToOurServer(version: String) async throws {
        let context = try serverContext()
        try context.setALPN(["echo/1"])
        try await withTLSServer(context) { port in
            let arguments = [
                "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", Certificates.authority.certificate,
                "-verify_return_error", "-verify_hostname", "localhost", "-servername", "localhost", version,
                "-alpn", "echo/1", "-ign_eof",
            ]
            var lines: [String] = []
            try await Program.with("openssl", arguments) { peer in
                try await peer.write("hello from s_client\n")
                while let line = try await peer.line() {
                    lines.append(line)
                    if line == "hello from s_client" { break }
                }
            }
            #expect(lines.contains { $0.hasPrefix("ALPN protocol: echo/1") })
            #expect(
                lines.contains { $0.hasPrefix("    Verify return code: 0 (ok)") || $0.hasPrefix("Verification: OK") })
            #expect(lines.last == "hello from s_client")
        }
    }

    @Test(.requires(.openssl), arguments: ["-tls1_2", "-tls1_3"])
    func ourClientTalksToOpensslSServer(version: String) async throws {
        let port = try freePort()
        let pair = Certificates.localhost
        let arguments = [
            "s_server", "-accept", "127.0.0.1:\(port)", "-cert", pair.certificate, "-key", pair.key, "-rev", version,
        ]
        try await Program.with("openssl", arguments) { _ in
            let (reader, writer) = try await connectSoon(to: "localhost", port, tls: clientContext())
            try await writer.write("hello\n")
            #expect(try await reader.readLine() == Array("olleh\n".utf8))
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test(.requires(.curl)) func curlGetsAPageFromOurServer() async throws {
        let context = try serverContext()
        try context.setALPN(["http/1.1"])
        try await withTLSServer(
            context,
            { reader, writer in
                while try await reader.readLine().count > 2 {}
                try await writer.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
            }
        ) { port in
            let page = try await Program.output(
                of: "curl",
                [
                    "-sS", "--cacert", Certificates.authority.certificate, "-w", "%{http_code} %{ssl_verify_result}\n",
                    "https://localhost:\(port)/",
                ])
            #expect(page == "hello\n200 0\n")
            let stranger = try await Program.run(
                "curl", ["-sS", "--cacert", Certificates.stranger.certificate, "https://localhost:\(port)/"])
            #expect(stranger.status == 60)
        }
    }

    private static let pythonClient = """
        import asyncio, ssl, sys
        port, ca, cert, key = sys.argv[1:]
        async def main():
            context = ssl.create_default_context(cafile=ca)
            context.load_cert_chain(cert, key)
            context.set_alpn_protocols(["b", "a"])
            reader, writer = await asyncio.open_connection("localhost", int(port), ssl=context)
            data = bytes(range(256)) * 4000
            async def send():
                writer.write(data)
                await writer.drain()
            task = asyncio.create_task(send())
            assert await reader.readexactly(len(data)) == data
            await task
            print(writer.get_extra_info("ssl_object").selected_alpn_protocol(), flush=True)
            writer.close()
            await writer.wait_closed()
            print("closed", flush=True)
        asyncio.run(main())
        """

    @Test(.requires(.python3)) func pythonsClientWithACertificateTalksToOurServer() async throws {
        let context = try serverContext()
        try context.trust(file: Certificates.authority.certificate)
        try context.askForCertificates(.required)
        try context.setALPN(["a"])
        let subject = Future<String?>()
        try await withTLSServer(
            context,
            { reader, writer in
                try subject.setResult(writer.tls?.peerCertificate?.subject)
                try await echoing(reader, writer)
            }
        ) { port in
            let pair = Certificates.client
            let text = try await Program.python(
                Self.pythonClient, ["\(port)", Certificates.authority.certificate, pair.certificate, pair.key])
            #expect(text == "a\nclosed\n")
            #expect(try await subject.value == "CN=client")
        }
    }

    private static let pythonServer = """
        import asyncio, ssl, sys
        ca, cert, key, mode = sys.argv[1:]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
        context.load_cert_chain(cert, key)
        if mode == "verify":
            context.verify_mode = ssl.CERT_REQUIRED
        async def handle(reader, writer):
            if mode == "starttls":
                assert await reader.readline() == b"STARTTLS\\n"
                writer.write(b"GO\\n")
                await writer.start_tls(context)
            peer = writer.get_extra_info("peercert")
            if peer:
                print(peer["subject"][0][0][1], flush=True)
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
        async def main():
            server = await asyncio.start_server(
                handle, "127.0.0.1", 0, ssl=None if mode == "starttls" else context)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """

    private func withPythonServer(_ mode: String, _ body: (Program, Int) async throws -> Void) async throws {
        let pair = Certificates.localhost
        let arguments = [Certificates.authority.certificate, pair.certificate, pair.key, mode]
        try await Program.with("python3", ["-c", Self.pythonServer] + arguments) { peer in
            let port = try #require(try await peer.line().flatMap { Int($0) })
            try await body(peer, port)
        }
    }

    private func exchange(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let sending = createTask { try await writer.write(sent) }
        #expect(try await reader.readExactly(sent.count) == sent)
        try await sending.value
        writer.close()
        try await writer.waitClosed()
    }

    @Test(.requires(.python3)) func ourClientWithACertificateTalksToPythonsServer() async throws {
        try await withPythonServer("verify") { peer, port in
            let client = try clientContext(Certificates.client)
            for round in 0..<2 {
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: client)
                #expect(writer.tls?.isResumed == (round == 1))
                try await exchange(reader, writer)
                #expect(try await peer.line() == "client")
            }
            // Python rejects the client without an alert.
            await #expect(throws: (any Error).self) {
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
                defer { writer.abort() }
                _ = try await reader.read(1)
            }
        }
    }

    @Test(.requires(.python3)) func ourClientStartsTLSWithPythonsServer() async throws {
        // 3.11 is the first version with StreamWriter.start_tls. Its server side has known problems
        // only with bytes that arrive early, and there are none here.
        try await withPythonServer("starttls") { _, port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("STARTTLS\n")
            #expect(try await reader.readLine() == Array("GO\n".utf8))
            try await writer.startTLS(clientContext(), serverHostname: "localhost")
            try await exchange(reader, writer)
        }
    }
}
