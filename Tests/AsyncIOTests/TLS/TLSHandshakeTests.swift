import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Which peers a handshake accepts, and how it fails.
@Suite(.requires(.tls), .loopback) struct TLSHandshakeTests {
    /// The error of connecting to a server with this certificate.
    private func failure(
        _ pair: Certificates.Pair, host: String = "localhost", client: TLSContext? = nil
    ) async throws -> TLSError? {
        var failure: TLSError?
        try await withTLSServer(serverContext(pair)) { port in
            failure = await tlsError {
                let (_, writer) = try await openConnection(
                    host: "127.0.0.1", port: port, tls: client ?? clientContext(), options: .init(serverHostname: host))
                writer.abort()
            }
        }
        return failure
    }

    // MARK: Verification

    @Test func anIssuerThatIsNotTrustedIsRefused() async throws {
        let error = try await failure(Certificates.localhost, client: .client())
        #expect(error?.code == .verification)
        #expect(error?.message == "TLS handshake with localhost: the certificate's issuer is not trusted")
    }

    @Test func aSelfSignedCertificateIsRefused() async throws {
        let error = try await failure(Certificates.stranger, host: "stranger")
        #expect(error?.code == .verification)
        #expect(error?.message.contains("self-signed") == true)
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        let error = try await failure(Certificates.expired)
        #expect(error?.code == .verification)
        #expect(error?.message.contains("has expired") == true)
    }

    @Test func aCertificateForAnotherNameIsRefused() async throws {
        let error = try await failure(Certificates.otherName)
        #expect(error?.code == .verification)
        #expect(error?.message == "TLS handshake with localhost: the certificate is for another host name")
        #expect(try await failure(Certificates.one, host: "127.0.0.1")?.message.contains("another address") == true)
    }

    @Test func namesWithWildcardsAndAddressesMatch() async throws {
        #expect(try await failure(Certificates.otherName, host: "example.com") == nil)
        #expect(try await failure(Certificates.otherName, host: "www.example.org.") == nil)
        #expect(try await failure(Certificates.otherName, host: "a.b.example.org") != nil)
        #expect(try await failure(Certificates.localhost, host: "127.0.0.1") == nil)
        #expect(try await failure(Certificates.localhost, host: "::1") == nil)
    }

    @Test func verificationCanBeTurnedOffByDangerousNamesOnly() async throws {
        let anything = try TLSContext.client()
        try anything.dangerouslyDisableVerification()
        #expect(try await failure(Certificates.expired, client: anything) == nil)
        let anyHost = try clientContext()
        try anyHost.dangerouslyDisableHostCheck()
        #expect(try await failure(Certificates.otherName, client: anyHost) == nil)
        #expect(try await failure(Certificates.expired, client: anyHost)?.code == .verification)
    }

    // MARK: Client certificates

    @Test func aServerMayAskForACertificate() async throws {
        let context = try serverContext()
        try context.trust(file: Certificates.authority.certificate)
        try context.askForCertificates(.required)
        let seen = Queue<String?>()
        try await withTLSServer(
            context,
            { reader, writer in
                try seen.putNoWait(writer.tls?.peerCertificate?.subject)
                try await echoing(reader, writer)
            }
        ) { port in
            let (reader, writer) = try await openConnection(
                host: "localhost", port: port, tls: clientContext(Certificates.client))
            try await writer.write("hello\n")
            #expect(try await reader.readLine() == Array("hello\n".utf8))
            #expect(try await seen.get() == "CN=client")
            writer.close()

            // In TLS 1.3, a client learns that it was rejected only when it reads.
            for client in [try clientContext(), try clientContext(Certificates.strangersClient)] {
                let error = await tlsError {
                    let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: client)
                    defer { writer.abort() }
                    _ = try await reader.read(1)
                }
                #expect(error?.code == .protocolViolation)
                #expect(error?.message.contains("alert") == true)
            }
        }
    }

    @Test func aServerThatAsksButDoesNotInsistServesThoseWithout() async throws {
        let context = try serverContext()
        try context.trust(file: Certificates.authority.certificate)
        try context.askForCertificates(.optional)
        let seen = Queue<Bool>()
        try await withTLSServer(context, { _, writer in try seen.putNoWait(writer.tls?.peerCertificate != nil) }) {
            port in
            for pair in [nil, Certificates.client] {
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext(pair))
                #expect(try await reader.read().isEmpty)
                #expect(try await seen.get() == (pair != nil))
                writer.close()
            }
        }
    }

    // MARK: Negotiation

    @Test func theBestProtocolOfTheServersThatTheClientHasIsChosen() async throws {
        let (server, client) = (try serverContext(), try clientContext())
        try server.setALPN(["h2", "http/1.1"])
        try client.setALPN(["http/1.1", "h2"])
        let seen = Queue<String?>()
        try await withTLSServer(
            server,
            { reader, writer in
                try seen.putNoWait(writer.tls?.applicationProtocol)
                _ = try await reader.read()
            }
        ) { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: client)
            #expect(writer.tls?.applicationProtocol == "h2")
            #expect(try await seen.get() == "h2")
            writer.close()

            try client.setALPN(["spdy/1"])
            let (_, other) = try await openConnection(host: "localhost", port: port, tls: client)
            #expect(other.tls?.applicationProtocol == nil)
            other.close()
        }
        #expect(throws: ValueError.self) { try client.setALPN([""]) }
        #expect(throws: ValueError.self) { try client.setALPN([String(repeating: "x", count: 256)]) }
    }

    @Test(.eventLoop) func factsOfTheConnection() async throws {
        try await withTLSServer { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            let tls = try #require(writer.tls)
            #expect(tls.version == .v1_3)
            #expect(tls.cipher.hasPrefix("TLS_"))
            #expect(tls.cipherBits >= 128)
            #expect(tls.serverName == "localhost")
            #expect(!tls.isResumed)
            let certificate = try #require(tls.peerCertificate)
            #expect(certificate.subject == "CN=localhost")
            #expect(certificate.issuer == "O=swift-asyncio tests,CN=ca")
            #expect(certificate.dnsNames == ["localhost"])
            #expect(certificate.addresses == ["127.0.0.1", "::1"])
            #expect(certificate.validity.contains(.seconds(time(nil) + 3600)))
            #expect(certificate.serialNumber.count >= 32)
            #expect(certificate.der.starts(with: [0x30, 0x82]))
            writer.close()
        }
        try await withPlainServer(echoing) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            #expect(writer.tls == nil)
            writer.close()
        }
    }

    @Test func theServerChoosesACertificateByName() async throws {
        let main = try serverContext()
        let others = ["one.test": try serverContext(Certificates.one), "two.test": try serverContext(Certificates.two)]
        var asked: [String?] = []
        main.sniCallback = { name in
            asked.append(name)
            if name == "refused.test" { throw ValueError("no such host") }
            return name.flatMap { others[$0] }
        }
        try (EventLoop.running).setExceptionHandler { _ in }
        try await withTLSServer(main) { port in
            for name in ["one.test", "two.test", "localhost", "127.0.0.1"] {
                let (reader, writer) = try await openConnection(
                    host: "127.0.0.1", port: port, tls: clientContext(), options: .init(serverHostname: name))
                let subject = name == "127.0.0.1" ? "localhost" : name.replacing(".test", with: "")
                #expect(writer.tls?.peerCertificate?.subject == "CN=\(subject)")
                try await writer.write("hello\n")
                #expect(try await reader.readLine() == Array("hello\n".utf8))
                writer.close()
            }
            let error = await tlsError {
                _ = try await openConnection(
                    host: "127.0.0.1", port: port, tls: clientContext(), options: .init(serverHostname: "refused.test"))
            }
            #expect(error?.message.contains("unrecognized name") == true)
        }
        #expect(asked == ["one.test", "two.test", "localhost", nil, "refused.test"])
    }

    @Test func theChosenContextMayAskForCertificates() async throws {
        let (main, strict) = (try serverContext(), try serverContext(Certificates.one))
        try strict.trust(file: Certificates.authority.certificate)
        try strict.askForCertificates(.required)
        main.sniCallback = { $0 == "one.test" ? strict : nil }
        try await withTLSServer(main) { port in
            let error = await tlsError {
                let (reader, _) = try await openConnection(
                    host: "127.0.0.1", port: port, tls: clientContext(), options: .init(serverHostname: "one.test"))
                _ = try await reader.read(1)
            }
            #expect(error?.message.contains("certificate required") == true)
            let (_, writer) = try await openConnection(
                host: "127.0.0.1", port: port, tls: clientContext(), options: .init(serverHostname: "localhost"))
            writer.close()
        }
    }

    @Test func versionsThatDoNotMeetAreAnError() async throws {
        let client = try clientContext()
        try client.setVersions(maximum: .v1_2)
        let server = try serverContext()
        try server.setVersions(minimum: .v1_3)
        try await withTLSServer(server) { port in
            let error = await tlsError { _ = try await openConnection(host: "localhost", port: port, tls: client) }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.contains("protocol version") == true)
        }
        #expect(throws: ValueError.self) { try client.setVersions(minimum: .v1_3, maximum: .v1_2) }
    }

    // MARK: Sessions

    @Test(arguments: [TLSContext.Version.v1_2, .v1_3])
    func aSecondConnectionGoesOnWithTheSession(version: TLSContext.Version) async throws {
        let client = try clientContext()
        try client.setVersions(minimum: version, maximum: version)
        try await withTLSServer { port in
            for round in 0..<4 {
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: client)
                try await writer.write("x")
                #expect(try await reader.readExactly(1) == [0x78])
                #expect(writer.tls?.isResumed == (round > 0))
                #expect(writer.tls?.peerCertificate?.subject == "CN=localhost")
                writer.close()
                try await writer.waitClosed()
            }
        }
    }

    @Test func aSessionIsOfNoUseForAnotherNameOrContext() async throws {
        let (main, strict) = (try serverContext(), try serverContext(Certificates.one))
        main.sniCallback = { $0 == "one.test" ? strict : nil }
        let client = try clientContext()
        try await withTLSServer(main) { port in
            for name in ["localhost", "one.test"] {
                let (reader, writer) = try await openConnection(
                    host: "127.0.0.1", port: port, tls: client, options: .init(serverHostname: name))
                try await writer.write("x")
                _ = try await reader.readExactly(1)
                #expect(writer.tls?.isResumed == false)
                writer.close()
            }
            // A change of trust applies to all later connections.
            try client.trust(pem: Certificates.stranger.certificatePEM)
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: client)
            #expect(writer.tls?.isResumed == false)
            writer.close()
        }
    }

    // MARK: Broken handshakes

    @Test func garbageInPlaceOfAHandshakeIsAnErrorOnBothSides() async throws {
        try await withPlainServer({ _, writer in try await writer.write("220 mail.example.com ESMTP\r\n") }) { port in
            let error = await tlsError {
                _ = try await openConnection(host: "localhost", port: port, tls: clientContext())
            }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message.contains("wrong version number") == true)
        }
        var served = false
        try await withTLSServer(nil, { _, _ in served = true }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("GET / HTTP/1.1\r\n\r\n")
            // Possibly an alert, then the end.
            _ = try? await reader.read()
            writer.close()
        }
        #expect(!served)
    }

    @Test func anEndInTheMiddleOfAHandshakeIsAConnectionReset() async throws {
        try await withPlainServer({ reader, _ in _ = try await reader.read(100) }) { port in
            do {
                _ = try await openConnection(host: "localhost", port: port, tls: clientContext())
                Issue.record("connected")
            } catch let error as OSError {
                #expect(error.code == .connectionReset)
            }
        }
    }

    @Test func handshakesThatFailAreReportedInDebugModeOnly() async throws {
        let loop = try EventLoop.running
        var reports: [ExceptionContext] = []
        loop.setExceptionHandler { reports.append($0) }
        defer { loop.debug = false }
        for debug in [false, true] {
            loop.debug = debug
            try await withTLSServer { port in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
                try await writer.write("no TLS at all")
                _ = try? await reader.read()
                writer.close()
            }
            #expect(reports.count == (debug ? 1 : 0))
        }
        #expect(reports.first?.error is TLSError)
    }

    @Test(.eventLoop) func aCancelledHandshakeLeavesNothingOpen() async throws {
        try await withPlainServer({ reader, _ in _ = try await reader.read() }) { port in
            let before = Process.descriptors
            for _ in 0..<10 {
                let task = createTask {
                    _ = try await openConnection(host: "localhost", port: port, tls: clientContext())
                }
                try await sleep(.milliseconds(5))
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            try await eventually { Process.opened(since: before).isEmpty }
            #expect(try EventLoop.running.timerCount == 0)
        }
    }

    @Test func abortingTheServersClientsEndsHandshakes() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, tls: serverContext(), echoing)
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await eventually { server.connectionCount > 0 }
        server.close()
        server.abortClients()
        try await server.waitClosed()
        #expect(server.connectionCount == 0)
        // A reset or the end, but not a byte of a handshake.
        #expect((try? await reader.read()) ?? [] == [])
        writer.close()
    }

    @Test func closingTheServersClientsEndsHandshakesToo() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, tls: serverContext(), echoing)
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await eventually { server.connectionCount > 0 }
        try await sleep(.milliseconds(5))
        server.close()
        server.closeClients()
        try await server.waitClosed()
        #expect(server.connectionCount == 0)
        // A reset or the end, but not a byte of a handshake.
        #expect((try? await reader.read()) ?? [] == [])
        writer.close()
    }

    // MARK: Misuse

    @Test func contextsForTheOtherSideAndMissingNamesAreValueErrors() async throws {
        await #expect(throws: ValueError.self) {
            _ = try await openConnection(host: "127.0.0.1", port: 1, tls: serverContext())
        }
        await #expect(throws: ValueError.self) {
            _ = try await startServer(host: "127.0.0.1", port: 0, tls: clientContext(), echoing)
        }
        await #expect(throws: ValueError.self) {
            _ = try await openConnection(host: "127.0.0.1", port: 1, options: .init(serverHostname: "localhost"))
        }
        await #expect(throws: ValueError.self) {
            _ = try await openConnection(
                host: "127.0.0.1", port: 1, tls: clientContext(), options: .init(serverHostname: ""))
        }
        let context = try clientContext()
        context.handshakeTimeout = .zero
        await #expect(throws: ValueError.self) {
            _ = try await openConnection(host: "127.0.0.1", port: 1, tls: context)
        }
        context.handshakeTimeout = .seconds(1)
        context.shutdownTimeout = .seconds(-1)
        await #expect(throws: ValueError.self) {
            _ = try await openConnection(host: "127.0.0.1", port: 1, tls: context)
        }
    }
}

/// Timeouts of handshakes, in virtual time.
@Suite(.requires(.tls), .virtualTime) struct TLSHandshakeTimeoutTests {
    @Test func aServerThatKeepsSilentIsGivenUpAfterAMinute() async throws {
        try await withPlainServer({ reader, _ in _ = try await reader.read() }) { port in
            let start = try EventLoop.running.now
            do {
                _ = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
                Issue.record("connected")
            } catch let error as OSError {
                #expect(error.code == .connectionAbort)
                #expect(error.description.contains("is taking longer than 60"))
            }
            #expect(try EventLoop.running.now - start == .seconds(60))
        }
    }

    @Test func aClientThatKeepsSilentIsGivenUpToo() async throws {
        let context = try serverContext()
        context.handshakeTimeout = .seconds(7)
        try await withTLSServer(context) { port in
            let start = try EventLoop.running.now
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            #expect(try await reader.read().isEmpty)
            #expect(try EventLoop.running.now - start == .seconds(7))
            writer.close()
        }
    }
}
