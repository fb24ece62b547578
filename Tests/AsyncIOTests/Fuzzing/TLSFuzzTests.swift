import AsyncIOSystem
import Foundation
import Testing

/// Replays the inputs with which fuzzing reached something new. Tests/Fuzz/tls_fuzz.c describes
/// their format.
@Suite(.requires(.tls)) struct TLSFuzzTests {
    private static let message = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 * 31 >> 3) }

    /// An engine, the bytes that it has decrypted, and whether its handshake is complete.
    private final class Side {
        let engine: TLSEngine
        var received: [UInt8] = []
        var isEstablished = false

        init(_ engine: TLSEngine) { self.engine = engine }

        func step() {
            do {
                if !isEstablished {
                    var outcome = try engine.handshake()
                    if outcome == .wantsChoice {
                        if let name = engine.wantedName, name.utf8.count > 40 {
                            engine.refuse()
                        } else {
                            engine.choose(nil)
                        }
                        outcome = try engine.handshake()
                    }
                    guard outcome == .done else { return }
                    isEstablished = true
                    _ = try engine.write(TLSFuzzTests.message)
                }
                while true {
                    let (bytes, outcome) = try engine.read(5_000)
                    received += bytes
                    if outcome != .done { return }
                }
            } catch {
                // A failure is a valid answer.
            }
        }

        func take(_ bytes: ArraySlice<UInt8>, inPartsOf size: Int) throws {
            var rest = bytes
            while !rest.isEmpty {
                try engine.feed(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
                step()
            }
        }
    }

    /// The changes that the wire makes to the peer's bytes.
    private struct Wire {
        var changes: ArraySlice<UInt8>
        var isChanged = false
        private var until: Int?
        private var isCut = false

        init(_ changes: ArraySlice<UInt8>) {
            self.changes = changes
            readNext()
        }

        private mutating func readNext() {
            let next = Array(changes.prefix(3))
            until = next.count == 3 ? Int(next[0]) | Int(next[1]) << 8 : nil
        }

        mutating func pass(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            var index = 0
            while index < bytes.count, let distance = until, !isCut {
                defer { index += 1 }
                until = distance - 1
                guard distance == 0 else { continue }
                isChanged = true
                let change = changes[changes.startIndex + 2]
                changes = changes.dropFirst(3)
                if change == 0 {
                    isCut = true
                    return Array(bytes[..<index])
                }
                bytes[index] ^= change
                readNext()
            }
            return bytes
        }
    }

    private func engine(server: Bool, asksChoice: Bool = false) throws -> TLSEngine {
        let pair = Certificates.localhost
        let context = try TLSEngineContext(isServer: server)
        try context.setALPN(["h2"])
        if server {
            try context.useChain(pem: Array(pair.certificatePEM.utf8), from: "certificate")
            try context.useKey(pem: Array(pair.keyPEM.utf8), password: nil, from: "key")
        } else {
            try context.trust(pem: Array(Certificates.authority.certificatePEM.utf8), from: "authority")
        }
        return try TLSEngine(
            context, serverName: server ? nil : "localhost", expectedHost: server ? nil : "localhost",
            isAddress: false, asksChoice: asksChoice)
    }

    private func run(_ input: [UInt8]) throws {
        guard input.count >= 2 else { return }
        let (isRaw, isServer) = (input[0] & 1 != 0, input[0] & 2 != 0)
        let size = input[1] == 0 ? 100_000 : Int(input[1])
        let it = Side(try engine(server: isServer, asksChoice: isServer && input[0] & 4 != 0))
        if !isServer { it.step() }
        if isRaw {
            try it.take(input[2...], inPartsOf: size)
            #expect(!it.isEstablished)
            return
        }
        let peer = Side(try engine(server: !isServer))
        if isServer { peer.step() }
        var wire = Wire(input[2...])
        while true {
            let (there, back) = (peer.engine.output, it.engine.output)
            if there.isEmpty, back.isEmpty { break }
            try it.take(wire.pass(there)[...], inPartsOf: size)
            try peer.take(back[...], inPartsOf: size)
        }
        #expect(Self.message.starts(with: it.received))
        if !wire.isChanged { #expect(it.received == Self.message && peer.received == Self.message) }
    }

    @Test func everyInputOfTheCorpusEndsWell() throws {
        let inputs = try Corpus("tls").inputs
        #expect(inputs.count > 20)
        for input in inputs { try run(input) }
    }
}

/// Inputs found by fuzzing: a file of `Tests/Fuzz/corpus`, with one input per line in hexadecimal
/// digits.
nonisolated struct Corpus {
    let inputs: [[UInt8]]

    init(_ name: String, file: String = #filePath) throws {
        let tests = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: tests.appendingPathComponent("Fuzz/corpus/\(name).hex"), encoding: .utf8)
        inputs = text.split(separator: "\n").map { line in
            let digits = Array(line.utf8)
            return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
            }
        }
    }
}
