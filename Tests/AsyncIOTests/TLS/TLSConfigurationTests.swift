import AsyncIO
import AsyncIOTesting
import Testing

/// Contexts that are made from a value.
@Suite(.requires(.tls), .loopback) struct TLSConfigurationTests {
    @Test func aValueMakesTheContextsOfBothSides() async throws {
        let certificate = Certificates.localhost
        var server = TLSContext.Configuration.server(certificate: certificate.certificate, key: certificate.key)
        server.applicationProtocols = ["h2", "http/1.1"]
        server.maximumVersion = .v1_2
        var client = TLSContext.Configuration.client(systemTrust: false)
        client.trusted = [.pem(certificate.certificatePEM)]
        client.applicationProtocols = ["http/1.1"]
        client.verifiesStrictly = false
        try await withTLSServer(TLSContext(server)) { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: TLSContext(client))
            #expect(writer.tls?.version == .v1_2)
            #expect(writer.tls?.applicationProtocol == "http/1.1")
            writer.close()
        }
    }

    @Test func aValueIsBuiltOnAnotherThread() async throws {
        let certificate = Certificates.localhost
        let (text, key) = (certificate.certificatePEM, certificate.keyPEM)
        let configuration = await Task.detached {
            var configuration = TLSContext.Configuration.server(.pem(certificate: text, key: key))
            configuration.handshakeTimeout = .seconds(5)
            configuration.toleratesTruncation = true
            return configuration
        }.value
        let context = try TLSContext(configuration)
        #expect(context.isServer && context.toleratesTruncation && context.handshakeTimeout == .seconds(5))
    }

    @Test func aWrongSettingIsReportedWhenTheContextIsMade() throws {
        var configuration = TLSContext.Configuration.client()
        configuration.minimumVersion = .v1_3
        configuration.maximumVersion = .v1_2
        let error = #expect(throws: ValueError.self) { try TLSContext(configuration) }
        #expect(error?.message == "minimum must not be newer than maximum, got TLSv1.3 and TLSv1.2")
        var asking = TLSContext.Configuration.client()
        asking.clientCertificates = .required
        #expect(throws: ValueError.self) { try TLSContext(asking) }
        let missing = TLSContext.Configuration.server(certificate: "/no/such/file.pem")
        #expect(throws: TLSError.self) { try TLSContext(missing) }
    }
}
