import AsyncIO
import Foundation
import Testing

/// Returns the path of an example program.
func program(_ name: String) -> String {
    let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    return here.appendingPathComponent(name).path
}

/// Runs one of the example servers: waits for its READY, passes its address to `body`, and stops it
/// with SIGTERM. The server must then exit with status 0.
///
/// - Returns: The output that the server printed after that.
@discardableResult
func withServer(
    _ name: String, _ arguments: String..., body: (_ process: AsyncSubprocess, _ address: String) async throws -> Void
) async throws -> String {
    try await withSubprocess(
        program(name), arguments: arguments, stdout: .pipe, stderr: .stdout
    ) { process in
        let reader = try #require(process.stdout)
        #expect(try await reader.readTextLine() == "READY")
        let address = try #require(try await reader.readTextLine()).dropFirst("listening on ".count)
        try await withTimeout(.seconds(60)) { try await body(process, String(address)) }
        if process.returnCode == nil { try process.terminate() }
        #expect(try await waitFor(timeout: .seconds(20)) { try await process.wait() } == 0)
        return try await reader.readText()
    }
}

struct Outcome {
    var status: Int32
    var output: String
    var errors: String
}

/// Runs a program until it exits.
func outcome(of program: String, _ arguments: [String], input: String = "") async throws -> Outcome {
    let process = try await createSubprocess(
        program, arguments: arguments, stdin: .pipe, stdout: .pipe, stderr: .pipe)
    let (output, errors) = try await withTimeout(.seconds(60)) { try await process.communicate(input) }
    return Outcome(
        status: try await process.wait(), output: String(decoding: output ?? [], as: UTF8.self),
        errors: String(decoding: errors ?? [], as: UTF8.self))
}

/// Runs a Python program, which must succeed and print the expected output.
func expect(_ expected: String, from code: String, _ arguments: String...) async throws {
    let outcome = try await outcome(of: "python3", ["-u", "-c", code] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == expected)
}

/// Runs a server that is written in Python and prints its port first.
func withPython(_ code: String, body: (_ port: String) async throws -> Void) async throws {
    try await withSubprocess("python3", arguments: ["-u", "-c", code], stdout: .pipe) { process in
        try await body(try #require(try await process.stdout?.readTextLine()))
    }
}

/// Runs Python's own web server for a directory.
func withWebServer(_ folder: String, body: (_ port: String) async throws -> Void) async throws {
    try await withSubprocess(
        "python3", arguments: ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder],
        stdout: .pipe, stderr: .devNull
    ) { process in
        // "Serving HTTP on 127.0.0.1 port 40000 (…"
        let words = try #require(try await process.stdout?.readTextLine()).split(separator: " ")
        try await body(String(words[5]))
    }
}

func withFolder(_ body: (_ path: String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-examples-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}

/// Creates `cert.pem` and `key.pem` for this machine.
func makeCertificate(in folder: String) async throws {
    let made = try await outcome(
        of: "openssl",
        [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
        ])
    #expect(made.status == 0, "\(made.errors)")
}

/// Retries until `body` succeeds, for programs that do not report when they are ready.
func eventually<T>(_ body: () async throws -> T) async throws -> T {
    try await retry(attempts: 200, backoff: Backoff(initial: .milliseconds(25), factor: 1), body)
}

extension String {
    /// The text after the last colon.
    var port: String { String(split(separator: ":").last ?? "") }
}
