import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite(.eventLoop, .serialized) struct DownloaderTests {
    private let content = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) })

    private func download(_ arguments: String..., to folder: String) async throws -> Outcome {
        try await outcome(of: program("downloader"), ["--output", folder] + arguments)
    }

    @Test(.requires(.python3)) func filesComeFromPythonsWebServer() async throws {
        try await withFolder { folder in
            try content.write(to: URL(fileURLWithPath: "\(folder)/one file"))
            try "".write(toFile: "\(folder)/empty", atomically: true, encoding: .utf8)
            try await withWebServer(folder) { port in
                try await withFolder { target in
                    let url = "http://localhost:\(port)"
                    let done = try await download("\(url)/one%20file", "\(url)/empty", url, to: target)
                    #expect(done.status == 0, "\(done.output) \(done.errors)")
                    #expect(try names(in: target) == ["empty", "index.html", "one file"])
                    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(target)/one file")) == content)
                    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(target)/empty")).isEmpty)
                    #expect(done.output.split(separator: "\n").sorted()[2] == "one file: 3 MB")
                }
            }
        }
    }

    @Test(.requires(.openssl, .tls, .nginx)) func filesComeFromNginxByHTTPAndByHTTPS() async throws {
        try await withFolder { folder in
            try content.write(to: URL(fileURLWithPath: "\(folder)/file"))
            try await makeCertificate(in: folder)
            let (plain, secure) = (try freePort(), try freePort())
            let configuration = """
                daemon off;
                pid \(folder)/pid;
                error_log stderr;
                events {}
                http {
                    access_log off;
                    client_body_temp_path \(folder)/1; proxy_temp_path \(folder)/2; fastcgi_temp_path \(folder)/3;
                    uwsgi_temp_path \(folder)/4; scgi_temp_path \(folder)/5;
                    root \(folder);
                    server {
                        listen 127.0.0.1:\(plain);
                        location /old { return 301 /file; }
                    }
                    server {
                        listen 127.0.0.1:\(secure) ssl;
                        ssl_certificate cert.pem;
                        ssl_certificate_key key.pem;
                        location /down { return 302 http://127.0.0.1:\(plain)/file; }
                    }
                }
                """
            try configuration.write(toFile: "\(folder)/nginx.conf", atomically: true, encoding: .utf8)
            try await withSubprocess(
                "nginx", arguments: ["-c", "\(folder)/nginx.conf", "-p", folder], stderr: .devNull,
                options: .init(environment: AsyncSubprocess.inheritedEnvironment.merging(["PATH": path]) { $1 })
            ) { _ in
                try await eventually { try await openConnection(host: "127.0.0.1", port: secure).1.close() }
                try await withFolder { target in
                    let url = "https://localhost:\(secure)/file"
                    let done = try await download(url, "--ca", "\(folder)/cert.pem", to: target)
                    #expect(done.status == 0, "\(done.output) \(done.errors)")
                    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(target)/file")) == content)

                    let moved = try await download("http://127.0.0.1:\(plain)/old", to: target)
                    #expect(moved.status == 0, "\(moved.output) \(moved.errors)")
                    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(target)/old")) == content)

                    // A certificate that is not trusted, and a redirect from https to http.
                    let untrusted = try await download("https://localhost:\(secure)/no", to: target)
                    #expect(untrusted.status == 1)
                    #expect(untrusted.output.contains("no: failed: "))
                    #expect(untrusted.output.contains("certificate"))
                    let down = try await download(
                        "https://127.0.0.1:\(secure)/down", "--ca", "\(folder)/cert.pem", to: target)
                    #expect(down.output.contains("a redirect from https to http"))
                    #expect(try names(in: target) == ["file", "old"])
                }
            }
        }
    }

    @Test(.requires(.python3)) func bodiesOfEveryKindArrive() async throws {
        try await withOddServer { url in
            try await withFolder { target in
                let done = try await download(
                    "\(url)/chunked", "\(url)/until-close", "\(url)/byte-by-byte", "\(url)/redirected", "\(url)/flaky",
                    to: target)
                #expect(done.status == 0, "\(done.output) \(done.errors)")
                #expect(
                    try names(in: target).map { try String(contentsOfFile: "\(target)/\($0)", encoding: .utf8) } == [
                        "slowly", "one, two, three", "third time", "one, two, three", "to the end",
                    ])
            }
        }
    }

    @Test(
        .requires(.python3),
        arguments: [
            ("short", "the server closed the connection too early"),
            ("short-chunk", "the server closed the connection too early"),
            ("no-chunk", "a chunk has no valid size"),
            ("reset", "Connection reset by peer"),
            ("stall", "the operation timed out"),
            ("silent", "the operation timed out"),
            ("missing", "the server responded with status 404"),
            ("loop", "too many redirects"),
            ("nowhere", "a redirect has no valid target"),
            ("garbage", "does not speak HTTP/1"),
            ("two-lengths", "invalid content length '3, 5'"),
            ("same-length-twice", "invalid content length '3, 3'"),
            ("signed-length", "invalid content length '+3'"),
            ("huge-length", "invalid content length '99999999999999999999'"),
            ("empty-length", "invalid content length ''"),
            ("length-and-chunks", "unsupported transfer encoding, or both a transfer encoding and a length"),
            ("other-encoding", "unsupported transfer encoding, or both a transfer encoding and a length"),
            ("encoded-twice", "unsupported transfer encoding, or both a transfer encoding and a length"),
            ("old-chunks", "unsupported transfer encoding, or both a transfer encoding and a length"),
            ("signed-chunk", "a chunk has no valid size"),
            ("huge-chunk", "a chunk has no valid size"),
            ("unsized-chunk", "a chunk has no valid size"),
            ("long-extension", "a chunk has no valid size"),
            ("long-chunk", "a chunk has no line ending"),
            ("part", "the server sent only a part of the file"),
            ("endless-headers", "more than 200 headers"),
            ("endless-trailers", "more than 200 headers"),
            ("endless-line", "a line is longer than 65536 bytes"),
            ("endless-hints", "the server sent too many informational responses"),
            ("folded", "malformed header name"),
            ("spaced-name", "malformed header name"),
            ("bare-return", "a line contains a control character"),
            ("odd-status", "the response has no valid status"),
            ("version-two", "does not speak HTTP/1"),
        ]) func whatDoesNotArriveWholeLeavesWhatWasThereBefore(name: String, message: String) async throws
    {
        try await withOddServer { url in
            try await withFolder { target in
                try "before".write(toFile: "\(target)/\(name)", atomically: true, encoding: .utf8)
                let done = try await download("\(url)/\(name)", "--retries", "0", "--timeout", "0.5", to: target)
                #expect(done.status == 1)
                #expect(done.output.hasPrefix("\(name): failed: "), "\(done.output)")
                #expect(done.output.contains(message), "\(done.output)")
                #expect(try names(in: target) == [name])
                #expect(try String(contentsOfFile: "\(target)/\(name)", encoding: .utf8) == "before")
            }
        }
    }

    @Test(.requires(.python3)) func noMoreThanAllowedRunAtOnce() async throws {
        try await withOddServer { url in
            try await withFolder { target in
                let urls = (1...6).map { "\(url)/slow\($0)" }
                let done = try await outcome(
                    of: program("downloader"), urls + ["--jobs", "2", "--output", target])
                #expect(done.status == 0, "\(done.output)")
                let most = try await download("\(url)/most", to: target)
                #expect(most.status == 0)
                #expect(try String(contentsOfFile: "\(target)/most", encoding: .utf8) == "2")
            }
        }
    }

    @Test(.requires(.python3)) func aSIGTERMLeavesNothingHalfWritten() async throws {
        try await withOddServer { url in
            try await withFolder { target in
                try await withSubprocess(program("downloader"), arguments: ["\(url)/stall", "-o", target]) { process in
                    // Wait until the download has started.
                    try await eventually { if try names(in: target).isEmpty { throw TimeoutError() } }
                    #expect(try names(in: target).allSatisfy { $0.hasPrefix(".asyncio-") })
                    try process.terminate()
                    #expect(try await process.wait() == 143)
                    #expect(try names(in: target) == [])
                }
            }
        }
    }

    @Test(.requires(.python3)) func barsAreDrawnOnATerminal() async throws {
        try await withOddServer { url in
            try await withFolder { target in
                var options = SubprocessOptions()
                options.terminal = TerminalSize()
                try await withSubprocess(
                    program("downloader"), arguments: ["\(url)/byte-by-byte", "-o", target], options: options
                ) { process in
                    let text = try await process.terminal?.reader.readText() ?? ""
                    #expect(text.contains("[=====               "), "\(text.debugDescription)")
                    #expect(text.contains("] 50 % of 6 bytes  byte-by-byte\r\n"), "\(text.debugDescription)")
                    #expect(text.hasSuffix("byte-by-byte: 6 bytes\r\n"), "\(text.debugDescription)")
                    #expect(try await process.wait() == 0)
                }
            }
        }
    }

    @Test(arguments: [
        ("", "Missing expected argument '<urls> ...'"),
        ("ftp://example.com/a", "The value 'ftp://example.com/a' is invalid for '<urls>'"),
        ("http://a/b http://c/b", "two URLs end in the same name and would be written to the same file"),
        (
            "http://a/b --jobs 0",
            "--jobs must be at least 1, --retries at least 0, and --timeout in 0.001...86400 seconds"
        ),
    ]) func wrongArgumentsAreExplained(arguments: String, message: String) async throws {
        let outcome = try await outcome(of: program("downloader"), arguments.split(separator: " ").map(String.init))
        #expect(outcome.status == 64)
        #expect(outcome.errors.split(separator: "\n").first ?? "" == "Error: \(message)")
    }

    /// The path with the directory that often contains nginx.
    private var path: String { (AsyncSubprocess.inheritedEnvironment["PATH"] ?? "") + ":/usr/sbin" }
}
