import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Many pieces in one call. The received bytes are the same as for a single write of all of them.
@Suite(.loopback) struct WriteLinesTests {
    /// Pieces of all sizes: empty ones, small ones that are joined, large ones that are passed
    /// separately, and some that are larger than one call takes.
    nonisolated private static func pieces(_ seed: Int, upTo most: Int, count: Int) -> [[UInt8]] {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        return (0..<count).map { _ in
            let size = next(4) == 0 ? next(most) : next(100)
            var piece = [UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size)
            for index in stride(from: 0, to: size, by: 97) { piece[index] = UInt8(truncatingIfNeeded: index) }
            return piece
        }
    }

    private func joined(_ pieces: [[UInt8]]) -> [UInt8] { pieces.reduce(into: []) { $0 += $1 } }

    nonisolated static let cases: [[[UInt8]]] = [
        [], [[]], [[], [1], []], [[UInt8](repeating: 7, count: 5_000_000)],
        Array(repeating: [UInt8](repeating: 3, count: 50), count: 20_000),
        Array(repeating: [UInt8](repeating: 4, count: 2048), count: 500),
        [[1]] + Array(repeating: [UInt8](repeating: 5, count: 300_000), count: 12) + [[2]],
        pieces(1, upTo: 5_000, count: 3_000), pieces(2, upTo: 70_000, count: 300),
        pieces(3, upTo: 1_500_000, count: 20),
    ]

    enum Kind: CaseIterable, Sendable { case tcp, tls, pipe }

    @Test(.eventLoop, .requires(.tls), arguments: cases.indices, Kind.allCases)
    func whatArrivesIsAllPiecesInOrder(index: Int, kind: Kind) async throws {
        let pieces = Self.cases[index]
        let expected = joined(pieces) + [9]
        func send(_ writer: StreamWriter) async throws {
            try await writer.writeLines(pieces)
            try await writer.write([9])
        }
        switch kind {
        case .tcp:
            try await withPlainServer({ _, writer in try await send(writer) }) { port in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
                #expect(try await reader.read() == expected)
                writer.close()
            }
        case .tls:
            try await withTLSServer(nil, { _, writer in try await send(writer) }) { port in
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
                #expect(try await reader.read() == expected)
                writer.close()
            }
        case .pipe:
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            let reader = try openReader(descriptor: ends[0])
            let writer = try openWriter(descriptor: ends[1])
            let sending = createTask {
                try await send(writer)
                writer.close()
            }
            #expect(try await reader.read() == expected)
            try await sending.value
        }
    }

    @Test(arguments: cases.indices)
    func aTransportSendsThemToo(index: Int) async throws {
        let pieces = Self.cases[index]
        final class Sender: ConnectionProtocol {
            let pieces: [[UInt8]]
            init(_ pieces: [[UInt8]]) { self.pieces = pieces }
            func connectionMade(_ transport: Transport) throws {
                try transport.writeLines(pieces.lazy.map { $0 })
                transport.close()
            }
            func dataReceived(_ bytes: [UInt8]) {}
        }
        let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 0) { Sender(pieces) }
        defer { server.close() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        #expect(try await reader.read() == joined(pieces))
        writer.close()
    }

    @Test func theyWaitForASlowPeerAndFailAfterTheEnd() async throws {
        let mayRead = Event()
        try await withPlainServer({ reader, _ in
            try await mayRead.wait()
            _ = try await reader.read()
        }) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            let task = createTask {
                for _ in 0..<40 { try await writer.writeLines([[1], [UInt8](repeating: 2, count: 1_000_000)]) }
            }
            try await eventually { writer.bufferedCount > 65_536 }
            #expect(!task.isDone)
            mayRead.set()
            try await task.value
            writer.close()
            await #expect(throws: RuntimeError.self) { try await writer.writeLines([[1]]) }
        }
    }

    @Test(.requires(.tls)) func aLargeTLSWriteLeavesOthersTheirTurns() async throws {
        try await withTLSServer(nil, { reader, _ in while try await !reader.read(1 << 18).isEmpty {} }) { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            let before = try EventLoop.running.turns
            try await writer.write([UInt8](repeating: 1, count: 32 << 20))
            writer.close()
            try await writer.waitClosed()
            #expect(try EventLoop.running.turns - before >= 32)
        }
    }
}
