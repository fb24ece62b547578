import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

@Suite("Streams in memory and sequences", .virtualTime) struct StreamToolTests {
    @Test("what one end writes, the other reads, until it ends") func pair() async throws {
        let (client, server) = try memoryStreamPair()
        try await client.writer.write("hello\n")
        #expect(try await server.reader.readTextLine() == "hello")
        try await server.writer.write("bye")
        try server.writer.writeEOF()
        #expect(try await client.reader.readText() == "bye")
        try await client.writer.write("more")
        client.writer.close()
        #expect(try await server.reader.readText() == "more")
        server.writer.close()
        try await server.writer.waitClosed()
    }

    @Test("bytes can arrive in pieces, and late") func pieces() async throws {
        let (client, server) = try memoryStreamPair(faults: StreamFaults(pieceSize: 2, latency: .seconds(1)))
        let start = ContinuousClock.now
        try await client.writer.write("12345")
        #expect(try await server.reader.read(100) == Array("12".utf8))
        #expect(start.duration(to: .now) == .seconds(1))
        #expect(try await server.reader.readExactly(3) == Array("345".utf8))
        #expect(start.duration(to: .now) == .seconds(3))
        client.writer.close()
        server.writer.close()
    }

    @Test("a connection can break after some bytes, which arrive") func breaks() async throws {
        let (client, server) = try memoryStreamPair(faults: StreamFaults(resetAfter: 3))
        try await client.writer.write("12345")
        #expect(try await server.reader.readExactly(3) == Array("123".utf8))
        let error = await #expect(throws: OSError.self) { try await server.reader.read(1) }
        #expect(error?.code == .connectionReset)
        await #expect(throws: OSError.self) { try await client.reader.read(1) }
        client.writer.close()
        server.writer.close()
    }

    @Test("a writer waits until a slow reader has read") func backPressure() async throws {
        let (client, server) = try memoryStreamPair(faults: StreamFaults(window: 1000))
        let writing = createTask { try await client.writer.write([UInt8](repeating: 0, count: 500_000)) }
        try await settled()
        #expect(!writing.isDone)
        #expect(try await server.reader.readExactly(500_000).count == 500_000)
        try await writing.value
        client.writer.close()
        server.writer.close()
    }

    @Test("a stream to a server needs no socket") func openStreamToServer() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await writer.write("\(reader.readTextLine() ?? "")!\n")
            _ = try await reader.read()
        }
        let (reader, writer) = try await openStream(to: server, faults: StreamFaults(pieceSize: 1))
        try await writer.write("hello\n")
        #expect(try await reader.readTextLine() == "hello!")
        #expect(server.connectionCount == 1)
        writer.close()
        try await server.shutdown(within: .seconds(1))
        let error = await #expect(throws: OSError.self) { _ = try await openStream(to: server) }
        #expect(error?.code == .connectionRefused)
    }

    @Test("parts of tasks run in the given order", .seeds(50)) func sequence() async throws {
        let sequence = Sequencer()
        var order: [Int] = []
        let tasks = [3, 0, 2, 1].map { position in
            createTask { try await sequence(position) { order.append(position) } }
        }
        for task in tasks { try await task.value }
        #expect(order == [0, 1, 2, 3])
        await #expect(throws: RuntimeError.self) { try await sequence(2) {} }
        await #expect(throws: ValueError.self) { try await sequence(-1) {} }
    }

    @Test("a task that is cancelled while it waits breaks the sequence") func brokenSequence() async throws {
        let sequence = Sequencer()
        let second = createTask { try await sequence(1) {} }
        let third = createTask { try await sequence(2) {} }
        try await settled()
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        await #expect(throws: RuntimeError.self) { try await third.value }
        await #expect(throws: RuntimeError.self) { try await sequence(0) {} }
    }
}
