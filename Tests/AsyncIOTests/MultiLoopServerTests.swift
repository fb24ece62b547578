import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Testing

/// One port, served by several loops.
@Suite(.eventLoop) struct MultiLoopServerTests {
    /// Sends `count` requests at once, each on a connection of its own, and returns the names of the loops that
    /// answered.
    private func ask(_ count: Int, _ connect: @escaping () async throws -> (StreamReader, StreamWriter)) async throws
        -> Set<String>
    {
        let gate = Barrier(count)
        let names = try await gather(Array(0..<count)) { _ in
            let (reader, writer) = try await connect()
            defer { writer.close() }
            // All connections are open at the same time.
            _ = try await gate.wait()
            try await writer.write("hello\n")
            return try await reader.readTextLine() ?? ""
        }
        return Set(names)
    }

    private static let nameOfLoop: MultiLoopHandler = { io, reader, writer in
        for try await _ in reader.lines { try await writer.write("\(io.loop.name)\n") }
    }

    @Test(arguments: [false, true]) func connectionsAreDistributedAmongLoops(reusePort: Bool) async throws {
        let server = try await startMultiLoopServer(
            host: "127.0.0.1", port: 0, loops: 2, options: .init(reusePort: reusePort), Self.nameOfLoop)
        #expect(server.loops.count == 2)
        #expect(server.addresses.count == 1)
        let names = try await ask(64) { try await openConnection(host: "127.0.0.1", port: server.port) }
        // Which loop accepts a connection is the kernel's decision. Of 64, both get some.
        #expect(names == ["server-0", "server-1"])
        try await server.shutdown(within: .seconds(30))
        let haveEnded = server.loops.map(\.isShutDown)
        #expect(haveEnded == [true, true])
        // Nothing listens anymore.
        await #expect(throws: OSError.self) { try await openConnection(host: "127.0.0.1", port: server.port) }
        // A second call finds everything ended.
        #expect(try await server.shutdown(within: .zero) == 0)
    }

    @Test func aUnixSocketIsShared() async throws {
        let directory = try Directory()
        let path = directory("socket")
        let server = try await startMultiLoopServer(on: .unix(path: path), loops: 2, Self.nameOfLoop)
        let names = try await ask(64) { try await openConnection(to: .unix(path: path)) }
        #expect(names.isSubset(of: ["server-0", "server-1"]))
        try await server.shutdown(within: .seconds(30))
    }

    @Test func aShutdownWaitsForHandlersAndThenAbortsThem() async throws {
        let server = try await startMultiLoopServer(host: "127.0.0.1", port: 0, loops: 2) { _, reader, writer in
            try await writer.write("ready\n")
            _ = try await reader.read(1)
        }
        var clients: [(StreamReader, StreamWriter)] = []
        for _ in 0..<8 {
            let client = try await openConnection(host: "127.0.0.1", port: server.port)
            #expect(try await client.0.readTextLine() == "ready")
            clients.append(client)
        }
        #expect(try await server.connectionCounts().reduce(0, +) == 8)
        #expect(try await server.shutdown(within: .milliseconds(1)) == 8)
        for (_, writer) in clients { writer.close() }
    }

    @Test func nothingIsLeftIfThePortIsInUse() async throws {
        let first = try await startMultiLoopServer(host: "127.0.0.1", port: 0, loops: 1, Self.nameOfLoop)
        await #expect(throws: OSError.self) {
            try await startMultiLoopServer(host: "127.0.0.1", port: first.port, loops: 2, Self.nameOfLoop)
        }
        await #expect(throws: ValueError.self) {
            try await startMultiLoopServer(port: 0, loops: 0, Self.nameOfLoop)
        }
        try await first.shutdown(within: .seconds(30))
    }
}
