import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// curl as a client of this library, and nginx, redis-server, and Python's http.server as servers.
@Suite(.eventLoop) struct RealProgramTests {
    /// A small HTTP server that answers with the method, the path, and the body.
    private static func serveHTTP(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        while true {
            let line = try await reader.readLine()
            if line.isEmpty { return }
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            var length = 0
            while true {
                let header = try await reader.readText(until: "\r\n").lowercased()
                if header.hasPrefix("content-length:") {
                    length = Int(header.dropFirst(15).filter(\.isNumber)) ?? 0
                } else if header.hasPrefix("expect: 100-continue") {
                    try await writer.write("HTTP/1.1 100 Continue\r\n\r\n")
                } else if header.isEmpty {
                    break
                }
            }
            let body = try await reader.readExactly(length)
            let head = Array("\(words[0]) \(words[1]) ".utf8)
            try await writer.writeLines([
                Array("HTTP/1.1 200 OK\r\nContent-Length: \(head.count + body.count)\r\n\r\n".utf8), head, body,
            ])
        }
    }

    /// The answer of a server to `GET path` with `Connection: close`.
    private func get(_ host: String, _ port: Int, _ path: String) async throws -> String {
        let (reader, writer) = try await openConnection(host: host, port: port)
        defer { writer.close() }
        try await writer.write("GET \(path) HTTP/1.0\r\nHost: \(host)\r\n\r\n")
        return try await reader.readText()
    }

    @Test(.requires(.curl)) func curlIsServed() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, Self.serveHTTP)
        defer { server.close() }
        let url = "http://127.0.0.1:\(server.port)"
        #expect(try await Program.output(of: "curl", ["-s", url + "/a", url + "/b"]) == "GET /a GET /b ")
        let body = String(repeating: "0123456789", count: 50_000)
        #expect(
            try await Program.output(of: "curl", ["-s", "--data-binary", "@-", url + "/c"], input: body)
                == "POST /c " + body)
        // Many at once.
        let answers = try await gather(Array(0..<8)) { number in
            try await Program.output(of: "curl", ["-s", "\(url)/\(number)"])
        }
        #expect(answers == (0..<8).map { "GET /\($0) " })
    }

    @Test(.requires(.curl)) func curlIsServedOnAUnixSocket() async throws {
        try await withTemporaryPath { path in
            let server = try await startServer(on: .unix(path: path), Self.serveHTTP)
            defer { server.close() }
            #expect(
                try await Program.output(of: "curl", ["-s", "--unix-socket", path, "http://localhost/x"])
                    == "GET /x ")
        }
    }

    @Test(.requires(.python3)) func pythonsHTTPServerAnswers() async throws {
        let program = """
            import http.server, threading, sys
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200); self.end_headers(); self.wfile.write(b"path " + self.path.encode())
                def log_message(self, *arguments): pass
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            print(server.server_port)
            sys.stdin.read()
            """
        try await Program.withPython(program) { port, _ in
            let answer = try await get("127.0.0.1", try #require(Int(port)), "/hello")
            #expect(answer.hasPrefix("HTTP/1.0 200 OK\r\n"))
            #expect(answer.hasSuffix("path /hello"))
        }
    }

    @Test(.requires(.redis)) func redisAnswers() async throws {
        let port = try freePort()
        try await withSubprocess(
            "redis-server", arguments: ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"],
            stdout: .devNull, stderr: .devNull
        ) { _ in
            let (reader, writer) = try await connectSoon(to: "127.0.0.1", port)
            defer { writer.close() }
            // A thousand commands at once, and their answers in order.
            try await writer.writeLines((0..<1000).map { Array("SET key\($0) value\($0)\r\n".utf8) })
            for _ in 0..<1000 { #expect(try await reader.readLine() == Array("+OK\r\n".utf8)) }
            try await writer.write("GET key7\r\n")
            #expect(try await reader.readLine() == Array("$6\r\n".utf8))
            #expect(try await reader.readUntil(Array("\r\n".utf8)) == Array("value7\r\n".utf8))
        }
    }

    @Test(.requires(.nginx)) func nginxAnswers() async throws {
        let port = try freePort()
        let configuration = """
            daemon off; master_process off; error_log /dev/null; pid /tmp/asyncio-nginx-\(port).pid;
            events { worker_connections 64; }
            http {
              access_log off;
              client_body_temp_path /tmp/asyncio-nginx-\(port)-1; proxy_temp_path /tmp/asyncio-nginx-\(port)-2;
              fastcgi_temp_path /tmp/asyncio-nginx-\(port)-3; uwsgi_temp_path /tmp/asyncio-nginx-\(port)-4;
              scgi_temp_path /tmp/asyncio-nginx-\(port)-5;
              server { listen 127.0.0.1:\(port); location / { return 200 "nginx $uri"; } }
            }
            """
        try await withTemporaryPath { path in
            let file = try #require(fopen(path, "w"))
            fputs(configuration, file)
            fclose(file)
            try await withSubprocess(
                Requirement.path(of: "nginx") ?? "nginx", arguments: ["-c", path], stdout: .devNull, stderr: .devNull
            ) {
                _ in
                let (_, writer) = try await connectSoon(to: "127.0.0.1", port)
                writer.close()
                let answers = try await gather(Array(0..<20)) { number in
                    try await get("127.0.0.1", port, "/\(number)")
                }
                for (number, answer) in answers.enumerated() { #expect(answer.hasSuffix("nginx /\(number)")) }
            }
            for number in 1...5 { rmdir("/tmp/asyncio-nginx-\(port)-\(number)") }
        }
    }
}
