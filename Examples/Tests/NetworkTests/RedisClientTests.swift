import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop, .serialized) struct RedisClientTests {
    private func withRedis(_ body: (_ port: String, _ path: String) async throws -> Void) async throws {
        try await withFolder { folder in
            let (port, path) = (String(try freePort()), "\(folder)/redis")
            let options = [
                "--port", port, "--bind", "127.0.0.1", "--unixsocket", path, "--save", "", "--dir", folder,
                "--loglevel", "warning",
            ]
            try await withSubprocess("redis-server", arguments: options, stdout: .devNull) { _ in
                try await eventually { try await openConnection(to: .unix(path: path)).1.close() }
                try await body(port, path)
            }
        }
    }

    private func client(_ arguments: String..., input: String = "") async throws -> Outcome {
        try await outcome(of: program("redis-client"), arguments, input: input)
    }

    @Test(.requires(.redis)) func repliesOfEveryKindArePrinted() async throws {
        try await withRedis { port, path in
            for (command, reply) in [
                ("SET answer 42", "OK"),
                ("GET answer", "\"42\""),
                ("GET nothing", "(nil)"),
                ("INCRBY answer -50", "(integer) -8"),
                ("RPUSH list a b c", "(integer) 3"),
                ("LRANGE list 0 -1", "1) \"a\"\n2) \"b\"\n3) \"c\""),
                ("KEYS none*", "(empty)"),
                ("EVAL return{1,{2,{3}}} 0", "1) (integer) 1\n2) 1) (integer) 2\n   2) 1) (integer) 3"),
            ] {
                let words = command.split(separator: " ").map(String.init)
                let byPort = try await outcome(of: program("redis-client"), ["--port", port, "--"] + words)
                #expect(byPort.output == reply + "\n", "\(command): \(byPort.errors)")
                #expect(byPort.status == 0)
            }
            #expect(try await client("--unix", path, "GET", "answer").output == "\"-8\"\n")
            let failed = try await client("--port", port, "LLEN", "answer")
            #expect(failed.status == 1)
            #expect(failed.output.hasPrefix("(error) WRONGTYPE "))
            // Lengths count bytes, not characters.
            #expect(try await client("--port", port, "ECHO", "größer\r\n").output == "\"größer\\r\\n\"\n")
        }
    }

    @Test(.requires(.redis)) func manyCommandsGoThroughOneConnection() async throws {
        try await withRedis { port, _ in
            let done = try await client(
                "--port", port, input: String(repeating: "INCR counter\n", count: 20_000) + "LLEN counter\n")
            let lines = done.output.split(separator: "\n")
            #expect(lines.count == 20_001)
            #expect(lines[..<20_000].elementsEqual((1...20_000).map { "(integer) \($0)" }))
            #expect(lines.last?.hasPrefix("(error) WRONGTYPE") ?? false)
            #expect(done.status == 1)
        }
    }

    @Test(.requires(.python3)) func commandsDoNotWaitForReplies() async throws {
        // A server that does not reply until it has received all commands.
        let code = """
            import socket
            server = socket.create_server(("127.0.0.1", 0))
            print(server.getsockname()[1])
            peer, _ = server.accept()
            got = b""
            while b"HELLO" not in got: got = peer.recv(10000)
            peer.sendall(b"%0\\r\\n")
            peer.recv(10000)
            peer.sendall(b"+PONG\\r\\n")
            got = b""
            while got.count(b"PING") < 100: got += peer.recv(10000)
            peer.sendall(b"+PONG\\r\\n" * 100)
            peer.recv(1)
            """
        try await withPython(code) { port in
            let done = try await client("--port", port, input: String(repeating: "PING\n", count: 100))
            #expect(done.output == String(repeating: "PONG\n", count: 100))
            #expect(done.status == 0)
        }
    }

    @Test(
        .requires(.python3),
        arguments: [
            ("$5\\r\\nhal", "the server closed the connection"),
            ("*2\\r\\n+one\\r\\n", "the server closed the connection"),
            ("HTTP/1.1 200 OK\\r\\n", "expected a reply in RESP, got: \"HTTP/1.1 200 OK\""),
            ("$-7\\r\\n", "a string has the size -7"),
        ]) func brokenRepliesAreExplained(reply: String, message: String) async throws
    {
        let code = """
            import socket
            server = socket.create_server(("127.0.0.1", 0))
            print(server.getsockname()[1])
            peer, _ = server.accept()
            peer.recv(1000)
            peer.sendall(b"\(reply)")
            peer.close()
            """
        try await withPython(code) { port in
            let done = try await client("--port", port, "GET", "it")
            #expect(done.status == 1)
            #expect(done.errors.hasPrefix("error: Redis"))
            #expect(done.errors.contains(message))
            #expect(done.output == "")
        }
    }

    @Test func wrongArgumentsAreExplained() async throws {
        let port = try freePort()
        let refused = try await client("--port", "\(port)", "PING")
        #expect(refused.status == 1)
        #expect(refused.errors.hasPrefix("error: RedisConnectionError: connecting to 127.0.0.1:\(port) failed"))
        #expect(refused.errors.contains("Connection refused (errno 111)"))
        let wrong = try await client("--port", "0", "PING")
        #expect(wrong.status == 64)
        #expect(wrong.errors.hasPrefix("Error: --port must be in 1...65535, got 0\n"))
    }
}
