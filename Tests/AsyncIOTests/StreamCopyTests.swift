import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.loopback) struct StreamCopyTests {
    @Test func everythingIsCopiedUpToTheEnd() async throws {
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            let count = try await copy(from: reader, to: writer)
            #expect(count == bytes.count)
        }
        try await withServer(server) { server in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            defer { writer.close() }
            let sending = createTask {
                try await writer.write(bytes)
                try writer.writeEOF()
            }
            let received = try await reader.read()
            #expect(received == bytes)
            try await sending.value
            await #expect(throws: ValueError.self) { try await copy(from: reader, to: writer, chunkSize: 0) }
        }
    }

    /// Runs `body` with a connection through a proxy to a server that runs `handler`.
    private func throughAProxy(
        _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void,
        onProxied: @escaping (Result<(sent: Int, received: Int), any Error>) -> Void = { _ in },
        _ body: (StreamReader, StreamWriter) async throws -> Void
    ) async throws {
        try await withServer(startServer(host: "127.0.0.1", port: 0, handler)) { backend in
            let port = backend.port
            let proxy = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                let upstream = try await openConnection(host: "127.0.0.1", port: port)
                defer { upstream.1.close() }
                do {
                    onProxied(.success(try await copyBothWays((reader, writer), upstream)))
                } catch {
                    onProxied(.failure(error))
                }
            }
            try await withServer(proxy) { proxy in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: proxy.port)
                defer { writer.close() }
                try await body(reader, writer)
            }
        }
    }

    @Test func theEndOfOneHalfIsPassedOnAndTheOtherContinues() async throws {
        var counts: (sent: Int, received: Int)?
        try await throughAProxy { reader, writer in
            // Answers only after the end of the question.
            let question = try await reader.read()
            try await writer.write("got \(question.count)")
        } onProxied: {
            counts = try? $0.get()
        } _: { reader, writer in
            try await writer.write("question")
            try writer.writeEOF()
            #expect(text(try await reader.read()) == "got 8")
            try await eventually { counts != nil }
        }
        #expect(counts?.sent == 8 && counts?.received == 5)
    }

    @Test func aConnectionThatBreaksEndsBothDirections() async throws {
        var outcome: Result<(sent: Int, received: Int), any Error>?
        try await throughAProxy { reader, writer in
            _ = try await reader.readLine()
            writer.reset()
        } onProxied: {
            outcome = $0
        } _: { _, writer in
            try await writer.write("break\n")
            try await eventually { outcome != nil }
        }
        #expect(throws: OSError.self) { try outcome?.get() }
    }

    @Test func aCancelledCopyEnds() async throws {
        var proxying: AnyAsyncTask?
        try await withServer(startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }) {
            server in
            let first = try await openConnection(host: "127.0.0.1", port: server.port)
            let second = try await openConnection(host: "127.0.0.1", port: server.port)
            defer {
                first.1.close()
                second.1.close()
            }
            let task = createTask { try await copyBothWays(first, second) }
            proxying = task
            try await settle()
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
        }
        #expect(proxying?.wasCancelled == true)
    }

    @Test(.eventLoop) func corkedWritesAreSentTogetherOrNotAtAll() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            let value = try await writer.corked { message in
                message.writeInteger(UInt16(3))
                message.write("ab")
                try await sleep(.zero)
                message.write([0x63])
                return 42
            }
            #expect(value == 42)
            await #expect(throws: Boom.self) {
                try await writer.corked { message in
                    message.write("never")
                    throw Boom()
                }
            }
            try await writer.writeInteger(Int32(-2), byteOrder: .little)
            try await writer.writeFrame("line", .lines)
        }
        try await withServer(server) { server in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            defer { writer.close() }
            let first = try await reader.read(100)
            #expect(first.count >= 5)
            let rest = try await reader.read()
            #expect(first + rest == [0, 3] + Array("abc".utf8) + [0xFE, 0xFF, 0xFF, 0xFF] + Array("line\n".utf8))
        }
    }
}
