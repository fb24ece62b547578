import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

/// Contexts and their settings. Each mistake is reported where it is made.
@Suite(.requires(.tls), .eventLoop) struct TLSContextTests {
    private func message(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as TLSError {
            return error.code == .configuration ? error.message : "\(error.code)"
        } catch { return "\(error)" }
        return nil
    }

    @Test func filesThatAreNoneAreNamed() throws {
        let good = Certificates.localhost
        let missing = message { _ = try TLSContext.server(certificate: "/no/such/file.pem", key: good.key) }
        #expect(missing?.hasPrefix("/no/such/file.pem cannot be read: ") == true)
        #expect(
            message { _ = try TLSContext.server(certificate: good.key, key: good.key) }
                == "\(good.key): no certificate in PEM form found")
        #expect(
            message { _ = try TLSContext.server(certificate: good.certificate, key: Certificates.one.key) }
                == "\(Certificates.one.key): key values mismatch")
        #expect(
            message { _ = try TLSContext.server(certificate: good.certificate) }?.hasPrefix(good.certificate) == true)
        #expect(
            message { _ = try TLSContext.server(certificate: good.certificatePEM, key: good.key) }?
                .contains("expected the path of a PEM file") == true)
    }

    @Test func brokenCertificatesAreRefused() throws {
        let broken = Certificates.localhost.certificatePEM.replacing("MII", with: "MIX")
        #expect(message { try clientContext().trust(pem: broken) }?.hasPrefix("the text to trust: ") == true)
        #expect(
            message { try clientContext().trust(pem: "nothing") }
                == "the text to trust: no certificate in PEM form found")
        let half = String(Certificates.localhost.certificatePEM.prefix(300))
        #expect(message { try clientContext().trust(pem: half) } != nil)
        #expect(
            message { _ = try TLSContext.server(certificatePEM: broken, keyPEM: Certificates.localhost.keyPEM) }?
                .hasPrefix("the certificate: ") == true)
    }

    @Test func aKeyWithAPasswordNeedsIt() async throws {
        let locked = Certificates.locked
        for password in [nil, "wrong"] {
            #expect(
                message {
                    _ = try TLSContext.server(certificate: locked.certificate, key: locked.key, password: password)
                }?.hasPrefix(locked.key) == true)
        }
        let context = try TLSContext.server(certificate: locked.certificate, key: locked.key, password: "secret")
        try await withTLSServer(context) { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            writer.close()
        }
    }

    @Test func pemTextServesAsFilesDo() async throws {
        let pair = Certificates.localhost
        let server = try TLSContext.server(certificatePEM: pair.certificatePEM, keyPEM: pair.keyPEM)
        let client = try TLSContext.client(systemTrust: false)
        try client.trust(pem: Certificates.stranger.certificatePEM + Certificates.authority.certificatePEM)
        try await withTLSServer(server) { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: client)
            #expect(writer.tls != nil)
            writer.close()
        }
    }

    @Test func ciphersThatAreNoneAreRefused() throws {
        let context = try clientContext()
        #expect(message { try context.setCiphers("NO-SUCH") } == "ciphers NO-SUCH: no cipher match")
        #expect(message { try context.setCipherSuites("NO-SUCH") }?.hasPrefix("cipher suites NO-SUCH") == true)
    }

    @Test func chosenCiphersAreUsed() async throws {
        let client = try clientContext()
        try client.setCipherSuites("TLS_CHACHA20_POLY1305_SHA256")
        try await withTLSServer { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: client)
            #expect(writer.tls?.cipher == "TLS_CHACHA20_POLY1305_SHA256")
            writer.abort()
            try client.setVersions(maximum: .v1_2)
            try client.setCiphers("ECDHE-ECDSA-AES128-GCM-SHA256")
            let (_, other) = try await openConnection(host: "localhost", port: port, tls: client)
            #expect(other.tls?.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256")
            #expect(other.tls?.cipherBits == 128)
            other.abort()
        }
    }

    @Test func whatIsForOneSideOnlyIsRefusedOnTheOther() throws {
        #expect(throws: ValueError.self) { try clientContext().askForCertificates(.required) }
        #expect(throws: ValueError.self) { try serverContext().dangerouslyDisableVerification() }
        #expect(throws: ValueError.self) { try serverContext().dangerouslyDisableHostCheck() }
    }
}

// Not on a loop of its own: a test that waits for a process of the runner needs the runner's loop.
@Suite struct TLSLibraryTests {
    @Test @concurrent func aMissingOpenSSLIsOneClearError() async {
        await #expect(processExitsWith: .success) { @MainActor in
            setenv("ASYNCIO_OPENSSL", "/no/such/folder", 1)
            for _ in 0..<2 {
                do {
                    _ = try TLSContext.client()
                    exit(1)
                } catch {
                    guard let error = error as? TLSError, error.code == .unavailable,
                        error.message.contains("libssl.so.3"), error.message.contains("apt install libssl3"),
                        error.message.contains("/no/such/folder")
                    else { exit(2) }
                }
            }
        }
    }
}
