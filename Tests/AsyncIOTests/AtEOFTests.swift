import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// When a reader knows that the stream has ended, and what a cancelled read leaves, as in CPython
/// 3.11 to 3.13 (`at_eof`).
@Suite(.loopback) struct AtEOFTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Runs `body` with streams from a server that sends `text` and closes.
    private func withText(
        _ text: String, tls: Bool, _ body: (StreamReader, StreamWriter) async throws -> Void
    ) async throws {
        func send(_: StreamReader, _ writer: StreamWriter) async throws { try await writer.write(text) }
        func connect(_ port: Int) async throws {
            let (reader, writer) = try await openConnection(
                host: tls ? "localhost" : "127.0.0.1", port: port, tls: tls ? clientContext() : nil)
            try await body(reader, writer)
            writer.close()
        }
        if tls { try await withTLSServer(nil, send, connect) } else { try await withPlainServer(send, connect) }
    }

    @Test(.eventLoop) func aLoopUntilTheEndReadsEachLineOnce() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            try await writer.write("one\ntwo\n")
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        // The end has arrived, and the loop has seen it.
        try await eventually { server.connectionCount == 0 }
        for _ in 0..<3 { try await sleep(.zero) }
        var lines: [String] = []
        while !reader.isAtEOF { lines.append(text(try await reader.readLine())) }
        #expect(lines == ["one\n", "two\n"])
        writer.close()
        server.close()
    }

    @Test(.requires(.tls), arguments: [false, true])
    func theEndIsKnownWithoutARead(tls: Bool) async throws {
        try await withText("", tls: tls) { reader, _ in
            try await eventually { reader.isAtEOF }
            #expect(try await reader.read().isEmpty)
        }
    }

    @Test(.requires(.tls), arguments: [false, true])
    func itIsNotTheEndWhileBytesAreThere(tls: Bool) async throws {
        try await withText("x", tls: tls) { reader, _ in
            try await sleep(.milliseconds(20))
            #expect(!reader.isAtEOF)
            #expect(try await reader.readExactly(1) == [0x78])
            try await eventually { reader.isAtEOF }
        }
    }

    @Test func itIsNotTheEndWhileThePeerIsSilent() async throws {
        let done = Event()
        try await withPlainServer({ _, _ in try await done.wait() }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            for _ in 0..<10 {
                #expect(!reader.isAtEOF)
                try await sleep(.zero)
            }
            done.set()
            try await eventually { reader.isAtEOF }
            writer.close()
        }
    }

    @Test(.requires(.tls), arguments: [false, true])
    func itIsTheEndOnceTheConnectionIsClosed(tls: Bool) async throws {
        try await withText("never read", tls: tls) { reader, writer in
            writer.close()
            try await writer.waitClosed()
            #expect(reader.isAtEOF)
            #expect(try await reader.read().isEmpty)
        }
    }

    @Test(.eventLoop) func theEndOfAPipeIsKnownToo() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let reader = try openReader(descriptor: ends[0])
        _ = write(ends[1], "ab", 2)
        #expect(!reader.isAtEOF)
        close(ends[1])
        #expect(try await reader.readExactly(2) == [0x61, 0x62])
        try await eventually { reader.isAtEOF }
    }

    @Test(.eventLoop) func aLookWhileATaskReadsTakesNothingFromIt() async throws {
        let go = Event()
        try await withPlainServer({ _, writer in
            try await go.wait()
            try await writer.write("hello")
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            let reading = createTask { try await reader.read(100) }
            try await sleep(.zero)
            go.set()
            while !reading.isDone {
                _ = reader.isAtEOF
                try await sleep(.zero)
            }
            #expect(text(try await reading.value) == "hello")
            writer.close()
        }
    }

    // MARK: Cancellation

    enum Way: CaseIterable, Sendable { case toTheEnd, exactly, until, line }

    @Test(.requires(.tls), arguments: Way.allCases, [false, true])
    func aReadThatIsCancelledHalfWayLosesNothing(way: Way, tls: Bool) async throws {
        let go = Event()
        func send(_: StreamReader, _ writer: StreamWriter) async throws {
            try await writer.write("first half, ")
            try await go.wait()
            try await writer.write("second half\n")
        }
        func connect(_ port: Int) async throws {
            let (reader, writer) = try await openConnection(
                host: tls ? "localhost" : "127.0.0.1", port: port, tls: tls ? clientContext() : nil)
            let reading = createTask {
                switch way {
                case .toTheEnd: try await reader.read()
                case .exactly: try await reader.readExactly(24)
                case .until: try await reader.readUntil(Array("half\n".utf8))
                case .line: try await reader.readLine()
                }
            }
            // It has read the first half, and waits.
            try await sleep(.milliseconds(50))
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            go.set()
            #expect(text(try await reader.read()) == "first half, second half\n")
            writer.close()
        }
        if tls { try await withTLSServer(nil, send, connect) } else { try await withPlainServer(send, connect) }
    }

    @Test(.eventLoop) func communicateThatTimesOutCanBeCalledAgain() async throws {
        let child = try await createSubprocess(
            "/bin/sh", arguments: ["-c", "echo first; read line; echo $line"], stdin: .pipe, stdout: .pipe)
        let output = try #require(child.stdout)
        // The child has printed, and waits.
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(50)) { while !output.isAtEOF { try await sleep(.milliseconds(1)) } }
        }
        let asking = createTask { try await output.read() }
        try await sleep(.milliseconds(20))
        asking.cancel()
        _ = try? await asking.value
        let (said, _) = try await child.communicate("second\n")
        #expect(said.map(text) == "first\nsecond\n")
    }

    // MARK: The search for separators

    @Test func theSeparatorThatEndsFirstCountsWhereverTheOthersAre() async throws {
        for filler in [0, 1, 500, 511, 512, 513, 1_000, 5_000] {
            let reader = StreamReader()
            let padding = String(repeating: "x", count: filler)
            try reader.feed(Array("\(padding)abcd\(padding)--\n\(padding)tail".utf8))
            reader.feedEOF()
            let separators = ["--\n", "cd", "abcd", "\n"].map { Array($0.utf8) }
            #expect(text(try await reader.readUntil(anyOf: separators)) == "\(padding)abcd")
            #expect(text(try await reader.readUntil(anyOf: separators)) == "\(padding)--\n")
            await #expect(throws: IncompleteReadError.self) { try await reader.readUntil(anyOf: separators) }
        }
    }

    @Test func aLongSeparatorIsFoundAcrossPortions() async throws {
        let separator = Array("aaaaaaaaaaaaaaaab".utf8)
        let reader = StreamReader()
        let task = createTask { try await reader.readUntil(separator) }
        for byte in Array("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab".utf8) {
            try reader.feed([byte])
            try await sleep(.zero)
        }
        #expect(try await task.value.count == 35)
    }
}
