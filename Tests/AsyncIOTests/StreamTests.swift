import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Streams over real sockets on the loopback interface, in real time.
@Suite(.loopback) struct StreamTests {
    /// Runs `body` with a server that runs `handler` for each connection.
    private func withServer(
        host: String = "127.0.0.1", limit: Int = 65_536,
        _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void,
        _ body: (Int) async throws -> Void
    ) async throws {
        let server = try await startServer(host: host, port: 0, options: .init(limit: limit), handler)
        defer { server.close() }
        try await body(server.port)
    }

    @Test(arguments: ["127.0.0.1", "::1", "localhost"])
    func bytesGoThereAndBack(host: String) async throws {
        try await withServer(host: host, echoing) { port in
            let (reader, writer) = try await openConnection(host: host, port: port)
            try await writer.write("hello\n")
            #expect(try await reader.readLine() == Array("hello\n".utf8))
            #expect(writer.peerAddress?.port == port)
            #expect(writer.localAddress?.port != port)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func aMegabyteComesBackWhole() async throws {
        try await withServer(echoing) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let sending = createTask {
                try await writer.write(sent)
                try writer.writeEOF()
            }
            let received = try await reader.read()
            try await sending.value
            #expect(received == sent)
            #expect(reader.isAtEOF)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func aSlowReaderStopsTheWriter() async throws {
        let mayRead = Event()
        try await withServer({ reader, _ in
            try await mayRead.wait()
            _ = try await reader.read()
        }) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            var written = 0
            let task = createTask {
                for _ in 0..<1_000 {
                    try await writer.write([UInt8](repeating: 1, count: 65_536))
                    written += 1
                }
                try writer.writeEOF()
            }
            // Until the kernel's buffers are full.
            try await eventually { writer.bufferedCount > 64 * 1024 }
            #expect(written < 1_000)
            #expect(writer.bufferedCount <= 64 * 1024 + 65_536)
            mayRead.set()
            try await task.value
            #expect(written == 1_000)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func theConnectionClosesWhenItsHandlerEnds() async throws {
        try await withServer({ _, writer in try await writer.write("bye") }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            #expect(try await reader.read() == Array("bye".utf8))
            writer.close()
        }
    }

    @Test func anErrorInAHandlerIsReportedAndClosesItsConnection() async throws {
        let loop = try EventLoop.running
        var reports: [ExceptionContext] = []
        loop.setExceptionHandler { reports.append($0) }
        try await withServer({ _, _ in throw ValueError("oh") }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            #expect(try await reader.read().isEmpty)
            writer.close()
        }
        #expect(reports.contains { ($0.error as? ValueError)?.message == "oh" })
    }

    @Test func halfCloseLeavesTheOtherHalfOpen() async throws {
        try await withServer({ reader, writer in
            let question = try await reader.read()
            try await writer.write(question.reversed())
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("abc")
            try writer.writeEOF()
            await #expect(throws: RuntimeError.self) { try await writer.write("more") }
            #expect(try await reader.read() == Array("cba".utf8))
            writer.close()
        }
    }

    @Test func aWaterMarkThatIsNotGivenFollowsFromTheOther() async throws {
        try await withServer({ _, _ in try await sleep(.seconds(60)) }) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try writer.setWaterMarks(low: 16_000_000) // so high is 64 MB
            try await withTimeout(.seconds(20)) {
                try await writer.write([UInt8](repeating: 7, count: 32_000_000))
            }
            #expect(writer.bufferedCount > 0)
            try writer.setWaterMarks(high: 16) // so low is 4
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(20)) { try await writer.write("late") }
            }
            #expect(throws: ValueError.self) { try writer.setWaterMarks(low: -1) }
            writer.abort()
        }
    }

    @Test func whatIsKeptIsStillSentAfterClose() async throws {
        let size = 3_000_000
        let received = Future<Int>()
        try await withServer({ reader, _ in
            try await sleep(.milliseconds(20))
            try received.setResult(try await reader.read().count)
        }) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try writer.setWaterMarks(high: size, low: 0)
            try await writer.write([UInt8](repeating: 7, count: size))
            writer.close()
            await #expect(throws: (any Error).self) { try await writer.write("late") }
            try await writer.waitClosed()
            #expect(try await received.value == size)
        }
    }

    @Test func abortDropsWhatIsKept() async throws {
        try await withServer({ reader, _ in
            try await sleep(.seconds(5))
            _ = try await reader.read()
        }) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try writer.setWaterMarks(high: 100_000_000, low: 0)
            try await writer.write([UInt8](repeating: 7, count: 20_000_000))
            #expect(writer.bufferedCount > 0)
            writer.abort()
            try await writer.waitClosed()
            #expect(writer.bufferedCount == 0)
        }
    }

    @Test func aPeerThatResetsIsAnErrorOfTheRead() async throws {
        try await withServer({ reader, writer in
            // Unread bytes make the kernel answer with a reset.
            try await sleep(.milliseconds(10))
            writer.abort()
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("unread")
            let error = await #expect(throws: OSError.self) {
                while try await !reader.read(1).isEmpty {}
                // A normal end would be a mistake of this test.
                throw OSError(.brokenPipe, "the peer ended in order")
            }
            #expect(error?.code == .connectionReset)
            writer.close()
        }
    }

    @Test func closingWakesATaskThatReads() async throws {
        try await withServer({ reader, _ in _ = try await reader.read() }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            let task = createTask { try await reader.read(1) }
            try await sleep(.zero)
            writer.close()
            #expect(try await task.value.isEmpty)
        }
    }

    @Test func aReadUnderATimeoutLosesNothing() async throws {
        try await withServer({ _, writer in
            try await sleep(.milliseconds(30))
            try await writer.write("late\n")
        }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(5)) { try await reader.readLine() }
            }
            #expect(try await reader.readLine() == Array("late\n".utf8))
            writer.close()
        }
    }

    @Test func aWriterThatIsDroppedIsReportedAndClosed() async throws {
        let loop = try EventLoop.running
        var reports: [ExceptionContext] = []
        loop.setExceptionHandler { reports.append($0) }
        let ended = Event()
        try await withServer({ reader, _ in
            _ = try await reader.read()
            ended.set()
        }) { port in
            _ = try await openConnection(host: "127.0.0.1", port: port)
            try await withTimeout(.seconds(5)) { try await ended.wait() }
        }
        #expect(reports.contains { $0.message.contains("unclosed connection") })
    }

    // MARK: Connecting

    @Test func noServerIsAClearError() async throws {
        let error = await #expect(throws: OSError.self) {
            // Port 1 of the loopback interface: no one listens there.
            _ = try await openConnection(host: "127.0.0.1", port: 1)
        }
        #expect(error?.code == .connectionRefused)
        #expect(error?.description.contains("127.0.0.1:1") == true)
    }

    @Test func aNameThatDoesNotResolveIsAClearError() async throws {
        let error = await #expect(throws: ResolveError.self) {
            _ = try await openConnection(host: "no-such-host.invalid", port: 80)
        }
        #expect(error?.description.contains("no-such-host.invalid") == true)
    }

    @Test(arguments: [-1, 65_536]) func aPortThatIsNoneIsAnError(port: Int) async throws {
        await #expect(throws: ValueError.self) { _ = try await openConnection(host: "127.0.0.1", port: port) }
        await #expect(throws: ValueError.self) {
            _ = try await startServer(host: "127.0.0.1", port: port) { _, _ in }
        }
    }
}
