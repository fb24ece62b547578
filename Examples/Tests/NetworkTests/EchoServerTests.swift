import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite(.eventLoop, .serialized) struct EchoServerTests {
    /// Sends a megabyte in pieces of various sizes, reads it back at the same time, and compares.
    private static let client = """
        import asyncio, os, ssl, sys
        async def main(kind, where):
            context = ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None
            if kind == "unix":
                reader, writer = await asyncio.open_unix_connection(where)
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", int(where), ssl=context)
            sent = os.urandom(1_000_000)
            async def send():
                at = 0
                size = 1
                while at < len(sent):
                    writer.write(sent[at:at + size])
                    await writer.drain()
                    at += size
                    size = size * 3 % 70_001
            task = asyncio.create_task(send())
            got = await reader.readexactly(len(sent))
            await task
            assert got == sent
            if writer.can_write_eof():
                writer.write_eof()
                assert await reader.read() == b""
            writer.close()
            print("same")
        asyncio.run(main(*sys.argv[1:3]))
        """

    @Test(.requires(.python3)) func pythonGetsBackWhatItSendsByTCP() async throws {
        let rest = try await withServer("echo-server", "--port", "0") { _, address in
            try await expect("same\n", from: Self.client, "tcp", address.port)
        }
        #expect(rest == "")
    }

    @Test(.requires(.python3)) func pythonGetsBackWhatItSendsByAUnixSocketWhoseFileGoesWithTheServer() async throws {
        try await withFolder { folder in
            try await withServer("echo-server", "--unix", "\(folder)/echo") { _, address in
                #expect(address == "\(folder)/echo")
                try await expect("same\n", from: Self.client, "unix", address)
            }
            #expect(try names(in: folder) == [])
        }
    }

    @Test(.requires(.python3, .openssl, .tls)) func pythonAndOpenSSLGetBackWhatTheySendByTLS() async throws {
        try await withFolder { folder in
            try await makeCertificate(in: folder)
            let certificate = "\(folder)/cert.pem"
            try await withServer(
                "echo-server", "--port", "0", "--tls-cert", certificate, "--tls-key", "\(folder)/key.pem"
            ) { _, address in
                try await expect("same\n", from: Self.client, "tls", address.port, certificate)
                let options = [
                    "s_client", "-connect", address, "-CAfile", certificate, "-verify_return_error", "-quiet",
                ]
                try await withSubprocess(
                    "openssl", arguments: options, stdin: .pipe, stdout: .pipe, stderr: .devNull
                ) { process in
                    try await process.stdin?.write("over TLS\n")
                    #expect(try await process.stdout?.readTextLine() == "over TLS")
                }
            }
        }
    }

    @Test(.requires(.python3)) func pythonGetsBackItsDatagrams() async throws {
        let client = """
            import socket, sys
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            peer.settimeout(20)
            peer.connect(("127.0.0.1", int(sys.argv[1])))
            for size in [0, 1, 1400, 65507]:
                peer.send(b"x" * size)
                assert peer.recv(70_000) == b"x" * size
            # A client that goes away before its answer arrives does not affect others.
            other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            other.sendto(b"gone", ("127.0.0.1", int(sys.argv[1])))
            other.close()
            peer.send(b"still there")
            print(peer.recv(100).decode())
            """
        try await withServer("echo-server", "--port", "0", "--udp") { _, address in
            try await expect("still there\n", from: client, address.port)
        }
    }

    @Test(.requires(.python3)) func aClientThatNeverReadsIsSlowedDown() async throws {
        let client = """
            import socket, sys
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            peer.settimeout(1)
            sent = 0
            try:
                while sent < 200_000_000: sent += peer.send(b"x" * 65536)
            except TimeoutError: print("slowed down")
            """
        try await withServer("echo-server", "--port", "0") { process, address in
            try await expect("slowed down\n", from: client, address.port)
            let status = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
            let kilobytes = try #require(Int(line.filter(\.isNumber)))
            #expect(kilobytes < 100_000)
        }
    }

    @Test(.requires(.python3, .openssl, .tls)) func resetsAndGarbageAreNotWorthAWord() async throws {
        let client = """
            import socket, struct, sys
            for _ in range(20):
                peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                peer.send(b"garbage " * 100)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()
            """
        try await withFolder { folder in
            try await makeCertificate(in: folder)
            let rest = try await withServer("echo-server", "--port", "0") { _, address in
                try await expect("", from: client, address.port)
                try await expect("same\n", from: Self.client, "tcp", address.port)
            }
            #expect(rest == "")
            let (certificate, key) = ("\(folder)/cert.pem", "\(folder)/key.pem")
            let restOfTLS = try await withServer(
                "echo-server", "--port", "0", "--tls-cert", certificate, "--tls-key", key
            ) { _, address in
                try await expect("", from: client, address.port)
                try await expect("same\n", from: Self.client, "tls", address.port, certificate)
            }
            #expect(restOfTLS == "")
        }
    }

    @Test func whoIsConnectedAtTheEndSeesAnOrderlyEnd() async throws {
        try await withServer("echo-server", "--port", "0") { process, address in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: Int(address.port) ?? 0)
            defer { writer.close() }
            try await writer.write("last\n")
            #expect(try await reader.readTextLine() == "last")
            try process.terminate()
            #expect(try await reader.read() == [])
            #expect(try await process.wait() == 0)
        }
    }

    @Test(arguments: [
        ("", "use either --port or --unix"),
        ("--port 0 --unix u", "use either --port or --unix, not both"),
        ("--bogus", "Unknown option '--bogus'"),
        ("--port 70000", "--port must be in 0...65535, got 70000"),
        ("--port x", "The value 'x' is invalid for '--port <port>'"),
        ("--port 0 --tls-key k", "--tls-key also needs --tls-cert"),
        ("--unix u --udp", "--udp works only with --port"),
        ("--port 0 --prot 0", "Unknown option '--prot'. Did you mean '--port'?"),
    ]) func wrongArgumentsAreExplained(arguments: String, message: String) async throws {
        let outcome = try await outcome(of: program("echo-server"), arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == 64)
        #expect(outcome.errors.split(separator: "\n").first ?? "" == "Error: \(message)")
    }

    @Test func whatCannotBeListenedOnIsExplained() async throws {
        try await withServer("echo-server", "--port", "0") { _, address in
            let second = try await outcome(of: program("echo-server"), ["--port", address.port])
            #expect(second.status == 1)
            #expect(second.errors == "error: OSError: listening on \(address): Address already in use (errno 98)\n")
        }
        let noFile = try await outcome(of: program("echo-server"), ["--port", "0", "--tls-cert", "/none.pem"])
        #expect(noFile.status == 1)
        #expect(noFile.errors == "error: TLSError: /none.pem cannot be read: No such file or directory\n")
    }
}
