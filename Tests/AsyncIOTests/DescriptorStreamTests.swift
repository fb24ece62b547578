import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Streams over pipes and other descriptors, and connections that are reset.
@Suite(.eventLoop) struct DescriptorStreamTests {
    private func pipe() throws -> (reading: Int32, writing: Int32) {
        let (reading, writing) = try FileDescriptor.pipe()
        return (reading.rawValue, writing.rawValue)
    }

    @Test func aPipeIsReadAndWrittenAsStreams() async throws {
        let before = Process.descriptors
        do {
            let ends = try pipe()
            let (reader, writer) = (
                try openReader(descriptor: ends.reading, limit: 100), try openWriter(descriptor: ends.writing)
            )
            #expect(reader.limit == 100)
            try await writer.write("one\ntwo\n")
            #expect(try await reader.readLine() == Array("one\n".utf8))
            // More than a pipe holds, so the writer waits for the reader.
            let bytes = [UInt8](repeating: 5, count: 1_000_000)
            let (_, all) = try await gather(
                {
                    try await writer.write(bytes)
                    writer.close()
                }, { try await reader.read() })
            #expect(all == Array("two\n".utf8) + bytes)
            #expect(reader.isAtEOF)
        }
        // The descriptor is closed with the reader.
        #expect(Process.opened(since: before) == [])
    }

    @Test func aPipeThatNobodyReadsIsAnError() async throws {
        let ends = try pipe()
        let writer = try openWriter(descriptor: ends.writing)
        close(ends.reading)
        let error = await #expect(throws: OSError.self) { while true { try await writer.write("x") } }
        #expect(error?.code == .brokenPipe)
    }

    @Test func aDirectoryIsRefusedAndStaysTheCallers() async throws {
        let directory = open("/proc/self", O_RDONLY)
        defer { close(directory) }
        let error = #expect(throws: ValueError.self) { _ = try openReader(descriptor: directory) }
        #expect(error?.message.contains("not a pipe, a socket or a character device") == true)
        #expect(fcntl(directory, F_GETFD) >= 0)
        #expect(throws: ValueError.self) { _ = try openReader(descriptor: directory, limit: 0) }
    }

    // MARK: Resets

    /// What a client sees if the server ends its connection with `end` after half an answer.
    private func seen(after end: @escaping (StreamWriter) -> Void, tls: Bool = false) async throws -> String {
        let server = try await startServer(
            host: "127.0.0.1", port: 0, tls: tls ? try serverContext() : nil
        ) { _, writer in
            try await writer.write("half")
            try await sleep(.milliseconds(10))
            end(writer)
        }
        return try await withServer(server) { server in
            let (reader, writer) = try await openConnection(
                host: "localhost", port: server.port, tls: tls ? try clientContext() : nil)
            defer { writer.close() }
            do {
                return try await reader.readText()
            } catch let error as OSError {
                return "\(error.code)"
            } catch let error as TLSError {
                return "\(error.code)"
            }
        }
    }

    @Test func anAbortLooksLikeAnEndAndAResetLikeABreak() async throws {
        // CPython's abort() sends the same FIN.
        #expect(try await seen { $0.abort() } == "half")
        #expect(try await seen { $0.reset() } == "Connection reset by peer")
        #expect(try await seen(after: { $0.abort() }, tls: true) == "truncated")
        #expect(try await seen(after: { $0.reset() }, tls: true) == "Connection reset by peer")
    }

    @Test func aTransportCanBeResetToo() async throws {
        let peers = Future<Transport>()
        let loop = try EventLoop.running
        let server = try await loop.createServer(host: "127.0.0.1", port: 0) { Accepted(peers) }
        defer { server.close() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        defer { writer.close() }
        let transport = try await peers.value
        transport.reset()
        transport.reset()
        let error = await #expect(throws: OSError.self) { _ = try await reader.read() }
        #expect(error?.code == .connectionReset)
    }

    private final class Accepted: ConnectionProtocol {
        let peers: Future<Transport>
        init(_ peers: Future<Transport>) { self.peers = peers }
        func connectionMade(_ transport: Transport) { try? peers.setResult(transport) }
        func dataReceived(_ bytes: [UInt8]) {}
    }
}

/// The whole life of a server in one call.
@Suite(.eventLoop) struct ServeUntilTests {
    private func server(_ handler: @escaping (StreamReader, StreamWriter) async throws -> Void) async throws -> Server {
        try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false), handler)
    }

    @Test func aSignalEndsItAfterTheGrace() async throws {
        let server = try await server { reader, _ in _ = try await reader.read() }
        let isReady = Event()
        let task = createTask {
            try await server.serve(until: .user1, .user2, grace: .milliseconds(20)) { isReady.set() }
        }
        try await isReady.wait()
        #expect(server.isServing)
        let (reader, _) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await eventually { server.connectionCount == 1 }
        // The server is ready, so the signal does not end the process.
        kill(getpid(), SIGUSR2)
        #expect(try await task.value == 1)
        #expect(server.isClosed)
        #expect(try await reader.read() == [])
    }

    @Test func aCancellationShutsItDownToo() async throws {
        let server = try await server { reader, writer in
            _ = try await reader.readLine()
            try await sleep(.milliseconds(20))
            try await writer.write("done")
        }
        let task = createTask { try await server.serve(until: .user1, grace: .seconds(5)) }
        try await settle()
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write("\n")
        try await eventually { server.connectionCount == 1 }
        task.cancel()
        // A handler that is working can finish.
        #expect(try await reader.read() == Array("done".utf8))
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(server.isClosed)
    }

    @Test func closingTheServerEndsItToo() async throws {
        let server = try await server { _, _ in }
        let task = createTask { try await server.serve(until: .user1, grace: .zero) }
        try await settle()
        await #expect(throws: RuntimeError.self) { try await server.serveForever() }
        await #expect(throws: RuntimeError.self) { try await server.serve(until: .user2, grace: .zero) }
        server.close()
        #expect(try await task.value == 0)
    }

    @Test func whatTheCallbackThrowsEndsIt() async throws {
        let server = try await server { _, _ in }
        await #expect(throws: Boom(2)) { try await server.serve(until: .user1, grace: .zero) { throw Boom(2) } }
        #expect(server.isClosed)
        await #expect(throws: RuntimeError.self) { try await server.serve(until: .user1, grace: .zero) }
    }
}
