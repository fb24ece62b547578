import AsyncIO
import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing

/// Certificates for tests, created when the first test needs one.
nonisolated enum Certificates {
    /// The directory of the certificates, which is removed when the process ends.
    static let folder: String = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-tls-\(getpid())").path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: Certificates.folder) }
        return folder
    }()

    /// The paths of a certificate and its key.
    struct Pair: Sendable {
        let certificate: String
        let key: String
        /// The same in memory, to sign others with.
        let made: CertificateMaker.Made?
        var certificatePEM: String { text(certificate) }
        var keyPEM: String { text(key) }
        private func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    }

    /// The issuer that the tests trust.
    static let authority = makeAuthority("ca")
    /// An issuer that is not trusted.
    static let stranger = makeAuthority("stranger")
    /// For localhost and its addresses.
    static let localhost = make("localhost", names: "DNS:localhost,IP:127.0.0.1,IP:::1")
    static let expired = make("expired", names: "DNS:localhost", days: -2 ..< -1)
    static let otherName = make("other", names: "DNS:example.com,DNS:*.example.org")
    static let one = make("one", names: "DNS:one.test")
    static let two = make("two", names: "DNS:two.test")
    static let client = make("client", names: "email:client@example.com")
    static let strangersClient = make("intruder", names: "DNS:intruder", by: stranger)
    /// An issuer whose certificate was issued by the trusted one, and a certificate that it has
    /// issued. The file of the latter contains both.
    static let intermediate = makeAuthority("intermediate", by: authority)
    static let viaIntermediate: Pair = {
        let pair = make("via-intermediate", names: "DNS:localhost,IP:127.0.0.1", by: intermediate)
        do {
            try (pair.certificatePEM + intermediate.certificatePEM)
                .write(toFile: pair.certificate, atomically: true, encoding: .utf8)
        } catch { Issue.record(error) }
        return pair
    }()
    /// An issuer that RFC 5280 forbids, because it does not say what its key is for, and a
    /// certificate that it has issued.
    static let lax = write(
        "lax", [("CN", "lax")], [(basicConstraints, "CA:TRUE"), (subjectKeyIdentifier, "hash")], days: 0..<2, by: nil)
    static let laxLeaf = make("lax-leaf", names: "DNS:localhost,IP:127.0.0.1", by: lax)
    /// A certificate whose key is protected with the password "secret".
    static let locked: Pair = {
        let pair = Pair(certificate: localhost.certificate, key: folder + "/locked.key", made: localhost.made)
        do {
            guard let made = pair.made else { throw CertificateMaker.Failure(function: "localhost") }
            try CertificateMaker.write(key: made.key, password: "secret", to: pair.key)
        } catch { Issue.record(error) }
        return pair
    }()

    /// An issuer. If another one has issued its certificate, it is an intermediate one.
    static func makeAuthority(_ name: String, by issuer: Pair? = nil) -> Pair {
        write(
            name, [("CN", name), ("O", "swift-asyncio tests")],
            [
                (basicConstraints, "critical,CA:TRUE"), (keyUsage, "critical,keyCertSign,cRLSign"),
                (subjectKeyIdentifier, "hash"),
            ], days: 0..<2, by: issuer)
    }

    /// A certificate for names in the form of OpenSSL's `subjectAltName`:
    /// "DNS:localhost,IP:127.0.0.1".
    ///
    /// - Parameter days: the period of validity, in days from now.
    static func make(
        _ name: String, names: String, days: Range<Int> = 0..<2, by issuer: Pair? = authority
    ) -> Pair {
        write(
            name, [("CN", name)],
            [(basicConstraints, "CA:FALSE"), (subjectKeyIdentifier, "hash"), (subjectAlternativeName, names)],
            days: days, by: issuer)
    }

    /// OpenSSL's numbers.
    private static let subjectKeyIdentifier: Int32 = 82
    private static let keyUsage: Int32 = 83
    private static let subjectAlternativeName: Int32 = 85
    private static let basicConstraints: Int32 = 87
    private static let authorityKeyIdentifier: Int32 = 90

    /// Runs `body` on a thread, where the date is the machine's, even if the test runs in virtual time. Certificates are
    /// checked in the machine's time.
    private static func inRealTime<T: Sendable>(_ body: @escaping @Sendable () throws -> T) throws -> T {
        let outcome = Mutex<Result<T, any Error>?>(nil)
        let hasEnded = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let result = Result { try body() }
            outcome.withLock { $0 = result }
            hasEnded.signal()
        }
        hasEnded.wait()
        guard let result = outcome.withLock({ $0 }) else { throw CertificateMaker.Failure(function: "a thread") }
        return try result.get()
    }

    private static func write(
        _ name: String, _ subject: [(String, String)], _ extensions: [(Int32, String)], days: Range<Int>,
        by issuer: Pair?
    ) -> Pair {
        let (certificate, key) = ("\(folder)/\(name).pem", "\(folder)/\(name).key")
        do {
            // Machines whose clocks are a little slow accept it too.
            let extensions = extensions + (issuer == nil ? [] : [(authorityKeyIdentifier, "keyid")])
            let made = try inRealTime {
                try CertificateMaker.make(
                    subject: subject, extensions: extensions,
                    valid: days.lowerBound * 86_400 - 3_600..<days.upperBound * 86_400, issuer: issuer?.made)
            }
            try CertificateMaker.write(certificate: made.certificate, to: certificate)
            try CertificateMaker.write(key: made.key, to: key)
            return Pair(certificate: certificate, key: key, made: made)
        } catch {
            Issue.record(error)
            return Pair(certificate: certificate, key: key, made: nil)
        }
    }
}

/// A context for servers at localhost.
func serverContext(_ pair: Certificates.Pair = Certificates.localhost) throws -> TLSContext {
    try .server(certificate: pair.certificate, key: pair.key)
}

/// A context for clients that trust only the tests' issuer.
func clientContext(_ pair: Certificates.Pair? = nil) throws -> TLSContext {
    let context = try TLSContext.client(systemTrust: false)
    try context.trust(file: Certificates.authority.certificate)
    if let pair { try context.useCertificate(pair.certificate, key: pair.key) }
    return context
}

/// Runs `body` with a TLS server, which is closed afterwards.
func withTLSServer(
    _ context: TLSContext? = nil, host: String = "127.0.0.1",
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void = echoing,
    _ body: (_ port: Int) async throws -> Void
) async throws {
    let server = try await startServer(host: host, port: 0, tls: try context ?? serverContext(), handler)
    defer { server.close() }
    try await body(server.port)
}

/// Runs `body` with a server without TLS.
func withPlainServer(
    _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void, _ body: (_ port: Int) async throws -> Void
) async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0, handler)
    defer { server.close() }
    try await body(server.port)
}

/// The error that `body` throws.
func tlsError(_ body: () async throws -> Void) async -> TLSError? {
    do { try await body() } catch { return error as? TLSError }
    return nil
}
