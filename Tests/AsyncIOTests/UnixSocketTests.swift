import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Streams and transports over Unix sockets.
@Suite(.eventLoop) struct UnixSocketTests {
    private static func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        for try await line in reader.lines { try await writer.write("\(line)!\n") }
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private func ask(_ path: String) async throws -> [UInt8] {
        let (reader, writer) = try await openConnection(to: .unix(path: path))
        defer { writer.close() }
        try await writer.write("hello\n")
        return try await reader.readLine()
    }

    @Test func streamsGoOverAUnixSocket() async throws {
        try await withTemporaryPath { path in
            let server = try await startServer(on: .unix(path: path), Self.echo)
            #expect(server.addresses.map(\.description) == [path])
            #expect(try await ask(path) == Array("hello!\n".utf8))
            server.close()
        }
    }

    @Test func anAbstractNameHasNoFile() async throws {
        let name = "\0asyncio-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let server = try await startServer(on: .unix(path: name), Self.echo)
        defer { server.close() }
        #expect(server.addresses.map(\.description) == ["@" + name.dropFirst()])
        #expect(try await ask(name) == Array("hello!\n".utf8))
    }

    @Test func transportsGoOverAUnixSocket() async throws {
        try await withTemporaryPath { path in
            let loop = try EventLoop.running
            let receiver = RecordingProtocol()
            receiver.onData = { bytes in try receiver.transport?.write(bytes.reversed()) }
            let server = try await loop.createServer(on: .unix(path: path)) { receiver }
            defer { server.close() }
            let (transport, client) = try await loop.createConnection(to: .unix(path: path)) { RecordingProtocol() }
            try transport.write("abc")
            try await eventually { client.text == "cba" }
            transport.close()
            try await receiver.waitUntilLost()
        }
    }

    @Test func aSocketFileThatWasLeftBehindIsReplaced() async throws {
        try await withTemporaryPath { path in
            let first = try await startServer(on: .unix(path: path), options: .init(cleanupSocket: false), Self.echo)
            first.close()
            #expect(exists(path))
            let second = try await startServer(on: .unix(path: path), Self.echo)
            #expect(try await ask(path) == Array("hello!\n".utf8))
            second.close()
            #expect(!exists(path))
        }
    }

    @Test func aFileThatIsNoSocketIsAnErrorWithItsPath() async throws {
        try await withTemporaryPath { path in
            close(open(path, O_CREAT | O_WRONLY, 0o600))
            let error = await #expect(throws: OSError.self) {
                _ = try await startServer(on: .unix(path: path), Self.echo)
            }
            #expect(error?.code == .addressInUse)
            #expect(error?.description.contains(path) == true)
            #expect(exists(path))
        }
    }

    @Test func theFileIsRemovedOnlyIfItIsStillTheServersOwn() async throws {
        try await withTemporaryPath { path in
            let first = try await startServer(on: .unix(path: path), Self.echo)
            // Replaces the file.
            let second = try await startServer(on: .unix(path: path), Self.echo)
            first.close()
            #expect(exists(path))
            #expect(try await ask(path) == Array("hello!\n".utf8))
            second.close()
            #expect(!exists(path))
        }
    }

    @Test func nobodyAtThePathIsAClearError() async throws {
        let error = await #expect(throws: OSError.self) {
            _ = try await openConnection(to: .unix(path: "/tmp/asyncio-nobody-is-here"))
        }
        #expect(error?.code == .noSuchFileOrDirectory)
        #expect(error?.description.contains("/tmp/asyncio-nobody-is-here") == true)
    }

    @Test(arguments: ["", "/tmp/" + String(repeating: "x", count: 103), "a\0b"])
    func aPathThatIsNoneIsAnError(path: String) async throws {
        await #expect(throws: ValueError.self) { _ = try await openConnection(to: .unix(path: path)) }
        await #expect(throws: ValueError.self) { _ = try await startServer(on: .unix(path: path), Self.echo) }
    }

    @Test func theLongestPathIsServed() async throws {
        let path = "/tmp/" + String(repeating: "y", count: 102)
        defer { unlink(path) }
        let server = try await startServer(on: .unix(path: path), Self.echo)
        #expect(server.addresses.map(\.description) == [path])
        #expect(try await ask(path) == Array("hello!\n".utf8))
        server.close()
    }
}
