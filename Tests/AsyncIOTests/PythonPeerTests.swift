import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Python's own asyncio at the other end.
@Suite(.requires(.python3), .eventLoop) struct PythonPeerTests {
    /// A client that sends a large message in odd pieces, half-closes, and compares the answer.
    private static let client = """
        import asyncio, sys
        async def main(kind, *where):
            if kind == "unix": reader, writer = await asyncio.open_unix_connection(where[0])
            else: reader, writer = await asyncio.open_connection(where[0], int(where[1]))
            writer.write(b"hello\\n")
            assert await reader.readline() == b"hello\\n"
            data = bytes(i * 7 % 256 for i in range(1_000_003))
            async def send():
                for i in range(0, len(data), 70001):
                    writer.write(data[i:i + 70001])
                    await writer.drain()
                writer.write_eof()
            sending = asyncio.create_task(send())
            assert await reader.read() == data
            await sending
            writer.close()
            await writer.wait_closed()
            print("same")
        asyncio.run(main(*sys.argv[1:]))
        """

    /// The corresponding server, which prints the port on which it listens.
    private static let server = """
        import asyncio, sys
        async def echo(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
        async def main(kind, *where):
            if kind == "unix":
                server = await asyncio.start_unix_server(echo, where[0])
                print("ready")
            else:
                server = await asyncio.start_server(echo, "127.0.0.1", 0)
                print(server.sockets[0].getsockname()[1])
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
            server.close()
        asyncio.run(main(*sys.argv[1:]))
        """

    /// The client's side, as in the Python client.
    private func talk(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        let data = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 * 7) }
        try await writer.write("hello\n")
        #expect(try await reader.readLine() == Array("hello\n".utf8))
        let sending = createTask {
            try await writer.write(data)
            try writer.writeEOF()
        }
        #expect(try await reader.read() == data)
        try await sending.value
        writer.close()
        try await writer.waitClosed()
    }

    @Test func aPythonClientOfOurServer() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, echoing)
        defer { server.close() }
        #expect(
            try await Program.python(Self.client, ["tcp", "127.0.0.1", "\(server.port)"])
                == "same\n")
    }

    @Test func aPythonClientOfOurProtocol() async throws {
        let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 0) { EchoProtocol() }
        defer { server.close() }
        #expect(
            try await Program.python(Self.client, ["tcp", "127.0.0.1", "\(server.port)"])
                == "same\n")
    }

    /// Sends back what it receives, stops reading while too much is buffered, and answers to the
    /// end.
    private final class EchoProtocol: ConnectionProtocol {
        private var transport: Transport?
        func connectionMade(_ transport: Transport) { self.transport = transport }
        func dataReceived(_ bytes: [UInt8]) throws { try transport?.write(bytes) }
        func pauseWriting() { transport?.pauseReading() }
        func resumeWriting() { transport?.resumeReading() }
        func connectionLost(_ error: (any Error)?) { transport = nil }
    }

    @Test func ourClientOfAPythonServer() async throws {
        try await Program.withPython(Self.server, ["tcp"]) { port, _ in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: try #require(Int(port)))
            try await talk(reader, writer)
        }
    }

    @Test func aPythonClientOfOurUnixServer() async throws {
        try await withTemporaryPath { path in
            let server = try await startServer(on: .unix(path: path), echoing)
            defer { server.close() }
            #expect(try await Program.python(Self.client, ["unix", path]) == "same\n")
        }
    }

    @Test func ourClientOfAPythonUnixServer() async throws {
        try await withTemporaryPath { path in
            try await Program.withPython(Self.server, ["unix", path]) { _, _ in
                let (reader, writer) = try await openConnection(to: .unix(path: path))
                try await talk(reader, writer)
            }
        }
    }

    @Test func ourDatagramsAndPythonsUnderstandEachOther() async throws {
        let program = """
            import asyncio, sys
            class Echo(asyncio.DatagramProtocol):
                def connection_made(self, transport): self.transport = transport
                def datagram_received(self, data, addr): self.transport.sendto(data[::-1], addr)
            async def main():
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
                print(transport.get_extra_info("sockname")[1])
                await loop.run_in_executor(None, sys.stdin.read)
                transport.close()
            asyncio.run(main())
            """
        try await Program.withPython(program) { port, _ in
            let address = try Endpoint(host: "127.0.0.1", port: try #require(Int(port)))
            let socket = try await openDatagramSocket(remoteAddress: address)
            // (Not an empty one: Python sends those only since 3.13.)
            for size in [1, 1000, 65_507] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
                try await socket.send(bytes)
                let (answer, sender) = try await socket.receive()
                #expect(answer == bytes.reversed())
                #expect(sender == address)
            }
            socket.close()
        }
    }

    @Test func aPythonDatagramClientOfOurs() async throws {
        let server = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
        let serving = createTask {
            while true {
                let (bytes, sender) = try await server.receive()
                try await server.send(bytes.reversed(), to: sender)
            }
        }
        let program = """
            import asyncio, sys
            class Client(asyncio.DatagramProtocol):
                def __init__(self): self.answers = asyncio.Queue()
                def datagram_received(self, data, addr): self.answers.put_nowait(data)
            async def main(port):
                loop = asyncio.get_running_loop()
                transport, client = await loop.create_datagram_endpoint(Client, remote_addr=("127.0.0.1", port))
                for data in [b"", b"x", bytes(range(256)) * 100]:
                    transport.sendto(data) if data else transport._sock.send(data)
                    assert await client.answers.get() == data[::-1]
                transport.close()
                print("same")
            asyncio.run(main(int(sys.argv[1])))
            """
        let port = try #require(server.localAddress?.port)
        #expect(try await Program.python(program, ["\(port)"]) == "same\n")
        serving.cancel()
        _ = try? await serving.value
        server.close()
    }

    @Test func ourErrorsAreTheOnesThatPythonHas() async throws {
        // The same bytes, limits, and separators on both sides give the same text.
        let program = #"""
            import asyncio
            async def case(data, limit, call):
                reader = asyncio.StreamReader(limit=limit)
                reader.feed_data(data); reader.feed_eof()
                out = []
                for _ in range(4):
                    try: out.append(repr(bytes(await call(reader))))
                    except asyncio.IncompleteReadError as e: out.append(f"incomplete {e.partial} {e.expected}")
                    except asyncio.LimitOverrunError as e: out.append(f"overrun {e.consumed} {e}")
                    except ValueError as e: out.append(f"value {e}")
                print(" | ".join(out))
            async def main():
                for data in (b"", b"a\n", b"abc", b"abcdefgh\nxy\n", b"\n\n", b"abcdefghijkl"):
                    for limit in (1, 3, 5, 100):
                        await case(data, limit, lambda r: r.readline())
                        await case(data, limit, lambda r: r.readuntil(b"\n"))
                        await case(data, limit, lambda r: r.readuntil(b"y\n"))
                        await case(data, limit, lambda r: r.readexactly(3))
                        await case(data, limit, lambda r: r.read(2))
            asyncio.run(main())
            """#
        func repr(_ bytes: [UInt8]) -> String {
            "b'" + String(decoding: bytes, as: UTF8.self).replacing("\n", with: "\\n") + "'"
        }
        var ours = ""
        func check(
            _ data: String, _ limit: Int, _ call: nonisolated(nonsending) (StreamReader) async throws -> [UInt8]
        ) async throws {
            let reader = StreamReader(limit: limit)
            if !data.isEmpty { try reader.feed(Array(data.utf8)) }
            reader.feedEOF()
            var out: [String] = []
            for _ in 0..<4 {
                do { out.append(repr(try await call(reader))) } catch let error as IncompleteReadError {
                    out.append("incomplete \(repr(error.partial)) \(error.expected.map { "\($0)" } ?? "None")")
                } catch let error as LimitOverrunError {
                    out.append("overrun \(error.consumed) \(error)")
                } catch let error as ValueError {
                    out.append("value \(error)")
                }
            }
            ours += out.joined(separator: " | ") + "\n"
        }
        for data in ["", "a\n", "abc", "abcdefgh\nxy\n", "\n\n", "abcdefghijkl"] {
            for limit in [1, 3, 5, 100] {
                try await check(data, limit) { try await $0.readLine() }
                try await check(data, limit) { try await $0.readUntil([0x0A]) }
                try await check(data, limit) { try await $0.readUntil(Array("y\n".utf8)) }
                try await check(data, limit) { try await $0.readExactly(3) }
                try await check(data, limit) { try await $0.read(2) }
            }
        }
        // One of Python's messages has a typo.
        let theirs = try await Program.python(program).replacing("chunk exceed the", with: "chunk exceeds the")
        for (our, their) in zip(ours.split(separator: "\n"), theirs.split(separator: "\n")) { #expect(our == their) }
        #expect(ours.count == theirs.count)
    }
}
