import AsyncIO
import AsyncIORedis
import Foundation
import Glibc
import Testing

/// A `redis-server` of its own, in a folder of its own.
final class RedisServer {
    let folder: String
    let port: Int
    let tlsPort: Int
    private let settings: [String]
    private var process: AsyncSubprocess?

    var socket: String { "\(folder)/redis.sock" }
    var url: String { "redis://127.0.0.1:\(port)" }
    var pid: Int32 { process?.pid ?? 0 }

    private init(folder: String, port: Int, tlsPort: Int, settings: [String]) {
        self.folder = folder
        self.port = port
        self.tlsPort = tlsPort
        self.settings = settings
    }

    /// Runs `body` with a server, which ends with it.
    static func run(
        _ settings: [String] = [], withTLS: Bool = false, isClusterNode: Bool = false,
        _ body: (RedisServer) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            var settings = settings
            let tlsPort = withTLS ? try freePort() : 0
            if withTLS {
                try await Certificates.make(in: folder)
                settings += [
                    "--tls-port", "\(tlsPort)", "--tls-cert-file", "\(folder)/cert.pem", "--tls-key-file",
                    "\(folder)/key.pem", "--tls-ca-cert-file", "\(folder)/cert.pem", "--tls-auth-clients", "no",
                ]
            }
            // The nodes of a cluster talk to each other on another port, which must exist.
            let port = try freePort(andPortAt: isClusterNode ? 10_000 : 0)
            let server = RedisServer(
                folder: folder, port: port, tlsPort: tlsPort, settings: settings)
            try await server.start()
            do {
                try await body(server)
            } catch {
                await server.kill()
                throw error
            }
            await server.kill()
        }
    }

    /// Starts the server, and waits until it accepts connections.
    func start(arguments: [String] = []) async throws {
        process = try await createSubprocess(
            "redis-server",
            arguments: [
                "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socket, "--save", "", "--dir", folder,
                "--loglevel", "warning", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0",
            ] + settings + arguments, stdout: .devNull, stderr: .devNull)
        try await waitUntilReady()
    }

    func waitUntilReady() async throws {
        try await eventually {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            defer { writer.close() }
            try await writer.write("PING\r\n")
            let line = try await reader.readLine()
            return String(decoding: line, as: UTF8.self).hasPrefix("+PONG") || line.starts(with: Array("-NOAUTH".utf8))
        }
    }

    /// Kills the server at once, as a crash would.
    func kill() async {
        guard let process else { return }
        self.process = nil
        _ = Glibc.kill(process.pid, SIGCONT)
        _ = Glibc.kill(process.pid, SIGKILL)
        _ = try? await process.wait()
    }

    func restart() async throws {
        await kill()
        try await start()
    }

    func send(_ signal: Int32) { _ = Glibc.kill(pid, signal) }

    /// Waits until replicas have everything that was written to this server.
    func waitForReplicas(_ count: Int) async throws {
        try await withRedis(url) { redis in
            try await eventually {
                // A connection waits for what was written before its last command, so a new one would not wait.
                try await redis.withConnection { connection in
                    try await connection.ping()
                    return try await connection.send("WAIT", count, 1000).integer == count
                }
            }
        }
    }

    /// What `redis-cli` prints.
    func cli(_ arguments: String...) async throws -> String {
        try await runProgram("redis-cli", ["-p", "\(port)"] + arguments)
    }
}

/// Runs a program, and returns what it prints.
@discardableResult
func runProgram(_ program: String, _ arguments: [String]) async throws -> String {
    let process = try await createSubprocess(
        program, arguments: arguments, stdin: .devNull, stdout: .pipe, stderr: .pipe)
    let (output, errors) = try await process.communicate()
    guard process.terminationStatus?.isSuccess ?? false else {
        throw TestFailure("\(program): \(String(decoding: errors ?? [], as: UTF8.self))")
    }
    return String(decoding: output ?? [], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

/// Certificates for servers in tests.
enum Certificates {
    /// Makes `cert.pem` and `key.pem` for localhost.
    static func make(in folder: String) async throws {
        try await runProgram(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
            ])
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs `body` with an empty folder, which is removed afterwards.
func withFolder(_ body: (String) async throws -> Void) async throws {
    var template = Array("\(NSTemporaryDirectory())/redis-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}

/// Waits until a condition is true, however long that takes. Only the limit of the test ends the wait. Errors mean that
/// the condition is not true yet.
func eventually(
    fileID: StaticString = #fileID, line: UInt = #line, _ condition: () async throws -> Bool
) async throws {
    var obstacle = "it was false"
    while true {
        do {
            do {
                if try await condition() { return }
                obstacle = "it was false"
            } catch let error where !(error is CancellationError) {
                obstacle = "\(error)"
            }
            try await sleep(.milliseconds(10))
        } catch {
            throw TestFailure("the condition at \(fileID):\(line) did not become true: \(obstacle)")
        }
    }
}
