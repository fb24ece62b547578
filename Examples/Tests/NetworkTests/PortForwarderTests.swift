import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite(.eventLoop, .serialized) struct PortForwarderTests {
    @Test(.requires(.python3, .curl)) func curlGetsAFileThroughIt() async throws {
        try await withFolder { folder in
            let content = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) })
            try content.write(to: URL(fileURLWithPath: "\(folder)/file"))
            try await withWebServer(folder) { port in
                try await withServer("port-forwarder", "0", "localhost:\(port)") { _, address in
                    let copy = try await outcome(of: "curl", ["-sS", "-o", "\(folder)/copy", "http://\(address)/file"])
                    #expect(copy.status == 0, "\(copy.errors)")
                    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/copy")) == content)
                }
            }
        }
    }

    @Test(.requires(.python3)) func eachSidesEndIsHandedOnByItself() async throws {
        let target = """
            import asyncio
            async def serve(reader, writer):
                data = await reader.read()
                writer.write(b"%d bytes" % len(data))
                await writer.drain()
                writer.close()
            async def main():
                server = await asyncio.start_server(serve, "127.0.0.1", 0)
                print(server.sockets[0].getsockname()[1])
                await server.serve_forever()
            asyncio.run(main())
            """
        let client = """
            import socket, sys
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            peer.sendall(b"x" * 3_000_000)
            peer.shutdown(socket.SHUT_WR)
            print(peer.recv(100).decode(), peer.recv(100))
            """
        try await withPython(target) { port in
            try await withServer("port-forwarder", "127.0.0.1:0", "127.0.0.1:\(port)") { _, address in
                try await expect("3000000 bytes b''\n", from: client, address.port)
            }
        }
    }

    @Test(.requires(.python3)) func whatBreaksOnOneSideBreaksOnTheOther() async throws {
        let target = """
            import socket, struct
            server = socket.create_server(("127.0.0.1", 0))
            print(server.getsockname()[1])
            while True:
                peer, _ = server.accept()
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nhalf of it")
                peer.recv(1)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.close()
            """
        let client = """
            import socket, sys
            peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            peer.sendall(b"GET")
            got = b""
            while not got.endswith(b"half of it"): got += peer.recv(1000)
            peer.sendall(b"go on")
            try: print(peer.recv(1000))
            except ConnectionResetError: print("reset")
            """
        try await withPython(target) { port in
            let rest = try await withServer("port-forwarder", "0", "127.0.0.1:\(port)") { _, address in
                try await expect("reset\n", from: client, address.port)
            }
            #expect(rest.contains("Connection reset by peer"))
        }
    }

    @Test(.requires(.curl)) func aTargetThatIsNotThereIsTold() async throws {
        let port = try freePort()
        let rest = try await withServer("port-forwarder", "0", "127.0.0.1:\(port)") { _, address in
            let curl = try await outcome(of: "curl", ["-sS", "http://\(address)/"])
            // The reset can arrive before curl knows that it is connected.
            #expect([7, 52, 56].contains(curl.status))
        }
        #expect(rest.contains("connecting to 127.0.0.1:\(port): Connection refused (errno 111)\n"))
    }

    @Test(arguments: [
        ("8080", "Missing expected argument '<target>'"),
        ("x example.com:80", "The value 'x' is invalid for '<listen>'"),
        ("0 80", "the target needs a host and a port"),
    ]) func wrongArgumentsAreExplained(arguments: String, message: String) async throws {
        let outcome = try await outcome(
            of: program("port-forwarder"), arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == 64)
        #expect(outcome.errors.split(separator: "\n").first ?? "" == "Error: \(message)")
    }
}
