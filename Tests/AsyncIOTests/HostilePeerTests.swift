import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Peers that reset, stall, send byte by byte, half-close, and never read.
@Suite(.eventLoop) struct HostilePeerTests {
    private func withServer(
        _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void,
        _ body: (Int, Server) async throws -> Void
    ) async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, handler)
        defer { server.close() }
        try await body(server.port, server)
        server.abortClients()
        try await eventually { server.connectionCount == 0 }
    }

    @Test func aPeerThatSendsOneByteAtATimeIsUnderstood() async throws {
        try await withServer({ reader, writer in
            for try await line in reader.lines { try await writer.write("<\(line)>") }
        }) { port, _ in
            let peer = try Peer.connected(to: port)
            for byte in "one\ntwo\nlast".utf8 {
                try await eventually { peer.send([byte]) == 1 }
                try await sleep(.zero)
            }
            peer.endWriting()
            #expect(String(decoding: try await peer.receiveToEnd(), as: UTF8.self) == "<one><two><last>")
        }
    }

    @Test func aPeerThatStallsCostsItsTimeoutOnly() async throws {
        var ends: [String] = []
        try await withServer({ reader, _ in
            do { _ = try await withTimeout(.milliseconds(20)) { try await reader.readLine() } } catch {
                ends.append("\(type(of: error))")
            }
        }) { port, server in
            let peers = try (0..<10).map { _ in try Peer.connected(to: port) }
            for peer in peers { peer.send("never a whole line") }
            try await eventually { ends.count == 10 }
            #expect(Set(ends) == ["TimeoutError"])
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test func aPeerThatNeverReadsCostsBoundedMemory() async throws {
        var written = 0
        var buffered = 0
        try await withServer({ _, writer in
            while true {
                try await writer.write([UInt8](repeating: 1, count: 10_000))
                written += 10_000
                buffered = max(buffered, writer.bufferedCount)
            }
        }) { port, _ in
            let peer = try Peer.connected(to: port)
            // It writes as much as the system accepts, and waits.
            try await eventually { written > 0 && buffered > 54 * 1024 }
            #expect(buffered <= 64 * 1024 + 10_000)
            withExtendedLifetime(peer) {}
        }
    }

    @Test func aPeerThatClosesHalfIsAnsweredToTheEnd() async throws {
        try await withServer({ reader, writer in
            let question = try await reader.read()
            try await sleep(.milliseconds(5))
            try await writer.write([UInt8](repeating: question.first ?? 0, count: 3_000_000))
        }) { port, _ in
            let peer = try Peer.connected(to: port)
            try await eventually { peer.send("q") == 1 }
            peer.endWriting()
            #expect(try await peer.receiveToEnd().count == 3_000_000)
        }
    }

    @Test(arguments: [0, 1, 5]) func aPeerThatResetsIsAnErrorAtEveryPlace(after bytes: Int) async throws {
        var errors: [any Error] = []
        let reports = try ReportRecorder()
        try await withServer({ reader, writer in
            do {
                _ = try await reader.readExactly(5)
                while true { try await writer.write([UInt8](repeating: 0, count: 100_000)) }
            } catch {
                errors.append(error)
                throw error
            }
        }) { port, server in
            let peer = try Peer.connected(to: port)
            try await eventually { server.connectionCount == 1 }
            if bytes > 0 { try await eventually { peer.send([UInt8](repeating: 0, count: bytes)) == bytes } }
            try await sleep(.milliseconds(10))
            peer.reset()
            try await eventually { errors.count == 1 }
            #expect((errors[0] as? OSError)?.isConnectionError == true)
        }
        #expect(reports.reports.isEmpty)
    }

    @Test func everyCallAfterAResetTellsOfIt() async throws {
        let (ours, peer) = try Peer.pair()
        let (reader, writer) = try await openConnection(to: .socket(ours))
        // Unread bytes turn a close into a reset.
        try await writer.write("unread")
        peer.close()
        await #expect(throws: OSError.self) { _ = try await reader.read(10) }
        #expect(reader.error is OSError)
        await #expect(throws: OSError.self) { _ = try await reader.readLine() }
        await #expect(throws: OSError.self) { try await writer.write("x") }
        await #expect(throws: OSError.self) { try await writer.drain() }
        await #expect(throws: OSError.self) { try await writer.waitClosed() }
        writer.close()
        writer.abort()
        #expect(writer.isClosing)
        await #expect(throws: OSError.self) { try await writer.waitClosed() }
    }

    @Test func aWaitingDrainHearsOfTheReset() async throws {
        let (ours, peer) = try Peer.pair()
        let (_, writer) = try await openConnection(to: .socket(ours))
        let tasks = (0..<3).map { _ in
            createTask { try await writer.write([UInt8](repeating: 0, count: 2_000_000)) }
        }
        try await settle()
        #expect(tasks.allSatisfy { !$0.isDone })
        peer.close()
        for task in tasks {
            let error = await #expect(throws: OSError.self) { try await task.value }
            #expect(error?.code == .brokenPipe || error?.code == .connectionReset)
        }
    }

    @Test func severalTasksMayDrainAndWaitForTheLowMark() async throws {
        let (ours, peer) = try Peer.pair()
        let (_, writer) = try await openConnection(to: .socket(ours))
        try writer.setWaterMarks(high: 2_000_000, low: 1_000_000)
        let first = createTask { try await writer.write([UInt8](repeating: 0, count: 3_000_000)) }
        try await settle()
        let drains = (0..<3).map { _ in
            createTask {
                try await writer.drain()
                return writer.bufferedCount
            }
        }
        try await settle()
        #expect(drains.allSatisfy { !$0.isDone })
        while !first.isDone {
            _ = peer.receive()
            try await sleep(.zero)
        }
        let counts = try await gather(drains)
        #expect(counts.allSatisfy { $0 <= 1_000_000 })
        #expect(counts.contains { $0 > 0 }, "resumed at the low-water mark, not with an empty buffer")
        writer.abort()
    }
}

/// Streams that use the caller's memory, and the remaining calls of streams.
@Suite(.eventLoop) struct StreamMemoryTests {
    @Test func bytesAreReadIntoTheCallersMemory() async throws {
        let (ours, peer) = try Peer.pair()
        let (reader, writer) = try await openConnection(to: .socket(ours))
        peer.send("line\nabcdefghij")
        #expect(try await reader.readLine() == Array("line\n".utf8))
        var memory = [UInt8](repeating: 0, count: 4)
        func next() async throws -> String {
            var elements = memory.mutableSpan
            var span = elements.mutableBytes
            let count = try await reader.read(into: &span)
            return String(decoding: memory[..<count], as: UTF8.self)
        }
        // The bytes left in the reader by reading a line come first.
        #expect(try await next() == "abcd")
        #expect(try await next() == "efgh")
        #expect(try await next() == "ij")
        let waiting = createTask { try await next() }
        try await settle()
        #expect(!waiting.isDone)
        await #expect(throws: RuntimeError.self) { _ = try await reader.read(1) }
        peer.send("kl")
        #expect(try await waiting.value == "kl")
        peer.close()
        #expect(try await next() == "")
        #expect(reader.isAtEOF)
        writer.close()
    }

    @Test func spansAndLinesAreWritten() async throws {
        let (ours, peer) = try Peer.pair()
        let (_, writer) = try await openConnection(to: .socket(ours))
        #expect(writer.canWriteEOF)
        #expect(writer.descriptor == ours)
        let bytes = Array("hello ".utf8)
        try await writer.write(bytes.span.bytes)
        try await writer.writeLines([Array("a".utf8), [], Array("bc".utf8)])
        writer.close()
        #expect(try await peer.receiveToEnd() == Array("hello abc".utf8))
    }

    @Test func anErrorSetByHandIsThrownByEveryRead() async throws {
        let reader = StreamReader()
        let waiting = createTask { try await reader.read(1) }
        try await settle()
        reader.setError(Boom(1))
        await #expect(throws: Boom.self) { try await waiting.value }
        #expect(reader.error as? Boom == Boom(1))
        await #expect(throws: Boom.self) { _ = try await reader.readLine() }
        await #expect(throws: Boom.self) { _ = try await reader.readExactly(1) }
    }

    @Test func notWaitingForTheEndIsNoReport() async throws {
        let reports = try ReportRecorder()
        do {
            let (ours, peer) = try Peer.pair()
            let (_, writer) = try await openConnection(to: .socket(ours))
            peer.close()
            await #expect(throws: OSError.self) { while true { try await writer.write("x") } }
            writer.close()
        }
        try await settle()
        #expect(reports.reports.isEmpty)
    }
}
