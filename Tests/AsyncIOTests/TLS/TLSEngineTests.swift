import AsyncIOSystem
import Testing

/// Two engines that are connected directly, without sockets.
@Suite(.requires(.tls)) struct TLSEngineTests {
    struct Couple {
        let client: TLSEngine
        let server: TLSEngine

        init() throws {
            let serverContext = try TLSEngineContext(isServer: true)
            let pair = Certificates.localhost
            try serverContext.useChain(pem: Array(pair.certificatePEM.utf8), from: "certificate")
            try serverContext.useKey(pem: Array(pair.keyPEM.utf8), password: nil, from: "key")
            let clientContext = try TLSEngineContext(isServer: false)
            try clientContext.trust(pem: Array(Certificates.authority.certificatePEM.utf8), from: "authority")
            client = try TLSEngine(
                clientContext, serverName: "localhost", expectedHost: "localhost", isAddress: false, asksChoice: false)
            server = try TLSEngine(
                serverContext, serverName: nil, expectedHost: nil, isAddress: false, asksChoice: false)
        }

        /// Passes the output of one engine to the other, in parts of `size` bytes.
        func pass(from one: TLSEngine, to other: TLSEngine, inPartsOf size: Int = .max) throws -> Bool {
            let bytes = one.output
            for start in stride(from: 0, to: bytes.count, by: min(size, max(1, bytes.count))) {
                try other.feed(Array(bytes[start...].prefix(size)))
                _ = try? other.handshake()
            }
            return !bytes.isEmpty
        }

        func handshake(inPartsOf size: Int = .max) throws {
            _ = try client.handshake()
            while try pass(from: client, to: server, inPartsOf: size) || pass(from: server, to: client, inPartsOf: size)
            {}
        }
    }

    @Test(arguments: [1, 2, 7, 100, Int.max])
    func aHandshakeInPartsOfAnySize(size: Int) throws {
        let couple = try Couple()
        try couple.handshake(inPartsOf: size)
        #expect(try couple.client.handshake() == .done)
        #expect(try couple.server.handshake() == .done)
        let message = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try couple.client.write(message) == .done)
        let encrypted = couple.client.output
        var received: [UInt8] = []
        for start in stride(from: 0, to: encrypted.count, by: min(size, 60_000)) {
            try couple.server.feed(Array(encrypted[start...].prefix(min(size, 60_000))))
            received += try couple.server.read(70_000).bytes
        }
        #expect(received == message)
    }

    @Test func aReadThatDoesNotFitLeavesTheRest() throws {
        let couple = try Couple()
        try couple.handshake()
        _ = try couple.client.write([UInt8](repeating: 4, count: 40_000))
        try couple.server.feed(couple.client.output)
        var sizes: [Int] = []
        while true {
            let (bytes, outcome) = try couple.server.read(9_000)
            sizes.append(bytes.count)
            if outcome == .wantsInput { break }
        }
        #expect(sizes == [9_000, 9_000, 9_000, 9_000, 4_000])
        try couple.client.shutdown()
        try couple.server.feed(couple.client.output)
        let (bytes, outcome) = try couple.server.read(100)
        #expect(bytes.isEmpty && outcome == .closed)
    }

    @Test func aFailureStaysAndGivesTheSameReason() throws {
        let couple = try Couple()
        try couple.handshake()
        try couple.server.feed(Array("this is no TLS record at all".utf8))
        var reasons: [String] = []
        for _ in 0..<3 {
            do {
                _ = try couple.server.read(100)
            } catch {
                reasons.append(error.reason)
            }
        }
        #expect(reasons == Array(repeating: "wrong version number", count: 3))
        #expect(throws: TLSFailure.self) { try couple.server.write([1]) }
        // The peer gets an alert.
        #expect(!couple.server.output.isEmpty)
    }
}

extension TLSEngine {
    /// The output for the peer, which is removed from the engine.
    var output: [UInt8] {
        var bytes: [UInt8] = []
        takeOutput { bytes = Array($0) }
        return bytes
    }

    func feed(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try feed($0) } }

    func write(_ bytes: [UInt8]) throws(TLSFailure) -> Outcome {
        let result: Result<Outcome, TLSFailure> = bytes.withUnsafeBytes { bytes in
            do throws(TLSFailure) { return .success(try write(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    func read(_ count: Int) throws(TLSFailure) -> (bytes: [UInt8], outcome: Outcome) {
        var bytes = [UInt8](repeating: 0, count: count)
        var received = 0
        let result: Result<Outcome, TLSFailure> = bytes.withUnsafeMutableBytes { target in
            do throws(TLSFailure) {
                return .success(try read(UnsafeRawBufferPointer(start: nil, count: 0), into: target, count: &received))
            } catch { return .failure(error) }
        }
        return (Array(bytes[..<received]), try result.get())
    }
}
