import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

/// Where a chain of certificates can end, and which rules its certificates must follow, as in
/// CPython's default contexts since 3.13.
@Suite(.requires(.tls), .loopback) struct TLSTrustTests {
    /// The text of the error that a client gets if it trusts only `trusted` and the server shows
    /// `shown`; nil if it accepts the server.
    private func refusal(
        of shown: Certificates.Pair, trusting trusted: Certificates.Pair,
        _ change: (TLSContext) throws -> Void = { _ in }
    ) async throws -> String? {
        var text: String?
        try await withTLSServer(serverContext(shown)) { port in
            let tls = try TLSContext.client(systemTrust: false)
            // Its first certificate is the one of the pair.
            try tls.trust(file: trusted.certificate)
            try change(tls)
            do {
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: tls)
                try await writer.write("hello\n")
                #expect(try await reader.readLine() == Array("hello\n".utf8))
                writer.close()
            } catch let error as TLSError where error.code == .verification {
                text = error.message
            }
        }
        return text
    }

    @Test func aChainEndsAtARoot() async throws {
        #expect(try await refusal(of: Certificates.viaIntermediate, trusting: Certificates.authority) == nil)
    }

    @Test func aChainMayEndAtAnIntermediate() async throws {
        #expect(try await refusal(of: Certificates.viaIntermediate, trusting: Certificates.intermediate) == nil)
    }

    @Test func aServersOwnCertificateCanBePinned() async throws {
        #expect(try await refusal(of: Certificates.localhost, trusting: Certificates.localhost) == nil)
        // Another certificate of the same issuer does not match.
        #expect(try await refusal(of: Certificates.localhost, trusting: Certificates.one) != nil)
    }

    @Test func theNameAndTheDatesOfAPinnedCertificateAreChecked() async throws {
        let otherName = try await refusal(of: Certificates.otherName, trusting: Certificates.otherName)
        #expect(otherName?.contains("is for another host name") == true, "\(otherName ?? "accepted")")
        let expired = try await refusal(of: Certificates.expired, trusting: Certificates.expired)
        #expect(expired?.contains("expired") == true, "\(expired ?? "accepted")")
    }

    @Test func aServerTrustsAnIntermediateOfItsClientsToo() async throws {
        let tls = try serverContext()
        try tls.trust(file: Certificates.intermediate.certificate)
        try tls.askForCertificates(.required)
        try await withTLSServer(tls) { port in
            let context = try clientContext(Certificates.viaIntermediate)
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: context)
            try await writer.write("hello\n")
            #expect(try await reader.readLine() == Array("hello\n".utf8))
            writer.close()
        }
    }

    @Test func anAuthorityThatRFC5280ForbidsIsRefusedUnlessTheContextIsLax() async throws {
        let strict = try await refusal(of: Certificates.laxLeaf, trusting: Certificates.lax)
        #expect(
            strict?.contains("key usage") == true || strict?.contains("not marked critical") == true,
            "\(strict ?? "accepted")")
        let lax = try await refusal(of: Certificates.laxLeaf, trusting: Certificates.lax) {
            $0.setStrictVerification(false)
        }
        #expect(lax == nil)
        let strictAgain = try await refusal(of: Certificates.laxLeaf, trusting: Certificates.lax) {
            $0.setStrictVerification(false)
            $0.setStrictVerification(true)
        }
        #expect(strictAgain == strict)
    }

    @Test func certificatesAreFoundByPathsOfEveryKind() async throws {
        let pair = Certificates.localhost
        let tls = try TLSContext.server(certificate: FilePath(pair.certificate), key: SystemString(pair.key))
        try await withTLSServer(tls) { port in
            let context = try TLSContext.client(systemTrust: false)
            try context.trust(file: FilePath(Certificates.authority.certificate))
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: context)
            writer.close()
        }
    }
}
