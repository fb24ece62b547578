import AsyncIO
import Foundation
import Glibc

/// Certificates for tests, made by the `openssl` command when the first test asks for one.
nonisolated enum Certificates {
    /// Where they are; removed when the process ends.
    static let folder: String = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-tls-\(getpid())").path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: Certificates.folder) }
        return folder
    }()

    /// A certificate and its key: paths.
    struct Pair: Sendable {
        let certificate: String
        let key: String
        var certificatePEM: String { text(certificate) }
        var keyPEM: String { text(key) }
        private func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    }

    /// The issuer that the tests trust.
    static let authority = makeAuthority("ca")
    /// One that nobody trusts.
    static let stranger = makeAuthority("stranger")
    /// For localhost and its addresses.
    static let localhost = make("localhost", names: "DNS:localhost,IP:127.0.0.1,IP:::1")
    static let expired = make("expired", names: "DNS:localhost", days: -1)
    static let otherName = make("other", names: "DNS:example.com,DNS:*.example.org")
    static let one = make("one", names: "DNS:one.test")
    static let two = make("two", names: "DNS:two.test")
    static let client = make("client", names: "email:client@example.com")
    static let strangersClient = make("intruder", names: "DNS:intruder", by: stranger)
    /// The key is for a password: "secret".
    static let locked: Pair = {
        let path = folder + "/locked.key"
        openssl("pkey", "-in", localhost.key, "-aes256", "-passout", "pass:secret", "-out", path)
        return Pair(certificate: localhost.certificate, key: path)
    }()

    private static func makeAuthority(_ name: String) -> Pair {
        let pair = Pair(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair.key,
            "-out", pair.certificate, "-days", "2", "-subj", "/CN=\(name)/O=swift-asyncio tests")
        return pair
    }

    private static func make(_ name: String, names: String, days: Int = 2, by issuer: Pair = authority) -> Pair {
        let pair = Pair(certificate: "\(folder)/\(name).pem", key: "\(folder)/\(name).key")
        let (request, extensions) = ("\(folder)/\(name).csr", "\(folder)/\(name).ext")
        try? "subjectAltName=\(names)".write(toFile: extensions, atomically: true, encoding: .utf8)
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair.key,
            "-out", request, "-subj", "/CN=\(name)")
        openssl(
            "x509", "-req", "-in", request, "-CA", issuer.certificate, "-CAkey", issuer.key, "-CAcreateserial",
            "-out", pair.certificate, "-days", "\(days)", "-extfile", extensions)
        return pair
    }

    private static func openssl(_ arguments: String...) {
        let process = Foundation.Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try? process.run()
        process.waitUntilExit()
    }
}

/// A context for servers at localhost.
func serverContext(_ pair: Certificates.Pair = Certificates.localhost) throws -> TLSContext {
    try .server(certificate: pair.certificate, key: pair.key)
}

/// A context for clients that trust the tests' issuer, and nobody else.
func clientContext(_ pair: Certificates.Pair? = nil) throws -> TLSContext {
    let context = try TLSContext.client(systemTrust: false)
    try context.trust(file: Certificates.authority.certificate)
    if let pair { try context.useCertificate(pair.certificate, key: pair.key) }
    return context
}

/// A handler that sends back what it gets.
nonisolated(nonsending) func echoing(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    while true {
        let bytes = try await reader.read(65_536)
        if bytes.isEmpty { return }
        try await writer.write(bytes)
    }
}

/// Runs `body` against a server with TLS, which is closed then.
func withTLSServer(
    _ context: TLSContext? = nil, host: String = "127.0.0.1",
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void = echoing,
    _ body: (_ port: Int) async throws -> Void
) async throws {
    let server = try await startServer(host: host, port: 0, tls: try context ?? serverContext(), handler)
    defer { server.close() }
    try await body(server.port ?? 0)
}

/// Runs `body` against a server without TLS.
func withPlainServer(
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void, _ body: (_ port: Int) async throws -> Void
) async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0, handler)
    defer { server.close() }
    try await body(server.port ?? 0)
}

/// The error that `body` throws.
func tlsError(_ body: () async throws -> Void) async -> TLSError? {
    do { try await body() } catch { return error as? TLSError }
    return nil
}
