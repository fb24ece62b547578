import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct TextStreamTests {
    private func made(of bytes: [UInt8]...) throws -> StreamReader {
        let reader = StreamReader()
        for bytes in bytes { try reader.feed(bytes) }
        reader.feedEOF()
        return reader
    }

    @Test func linesComeWithoutTheirNewlinesAndThenNil() async throws {
        let reader = try made(of: Array("one\n\ngrüß\r\nlast".utf8))
        #expect(try await reader.readTextLine() == "one")
        #expect(try await reader.readTextLine() == "", "an empty line is not the end")
        #expect(try await reader.readTextLine() == "grüß\r", "only the newline is dropped, as from readLine()")
        #expect(try await reader.readTextLine() == "last")
        #expect(try await reader.readTextLine() == nil)
        #expect(try await reader.readTextLine() == nil)
    }

    @Test func textThatArrivesInTheMiddleOfACharacterIsWhole() async throws {
        let reader = StreamReader()
        let line = createTask { try await reader.readTextLine() }
        for byte in Array("ü€😀\n".utf8) {
            try reader.feed([byte])
            try await sleep(.zero)
        }
        #expect(try await line.value == "ü€😀")
    }

    @Test func aPartComesWithoutItsSeparator() async throws {
        let reader = try made(of: Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest".utf8))
        #expect(try await reader.readText(until: "\r\n") == "GET / HTTP/1.1")
        #expect(try await reader.readText(until: "\r\n\r\n") == "Host: a")
        let error = await #expect(throws: IncompleteReadError.self) { try await reader.readText(until: "\r\n") }
        #expect(error?.partial == Array("rest".utf8))
        await #expect(throws: ValueError.self) { try await reader.readText(until: "") }
    }

    @Test func theRestIsReadAsTextOrBytes() async throws {
        let text = try made(of: Array("a\nb".utf8))
        #expect(try await text.readText() == "a\nb")
        #expect(try await text.readText() == "")
        let bytes = try made(of: [1, 2], [3])
        #expect(try await bytes.readToEnd() == [1, 2, 3])
        #expect(try await bytes.readToEnd() == [])
    }

    @Test func whatIsNotUTF8IsAnErrorThatSaysWhere() async throws {
        let bad: [UInt8] = [0x61, 0xC3, 0xBC, 0xFF, 0x62, 0x0A]
        let reader = try made(of: bad, Array("next\n".utf8))
        let error = await #expect(throws: ValueError.self) { try await reader.readTextLine() }
        #expect(error?.message == "the 5 bytes are not valid UTF-8: byte 0xFF at offset 3")
        #expect(try await reader.readTextLine() == "next", "the line is dropped")
        let cut = try made(of: [0x61, 0xE2, 0x82])
        let incomplete = await #expect(throws: ValueError.self) { try await cut.readText() }
        #expect(incomplete?.message == "the 3 bytes are not valid UTF-8: byte 0xE2 at offset 1")
    }

    @Test func whatIsNotUTF8IsReplacedOnRequest() async throws {
        let reader = try made(of: [0x61, 0xFF, 0x0A, 0xFF, 0x2C, 0xFE])
        #expect(try await reader.readTextLine(invalid: .replace) == "a\u{FFFD}")
        #expect(try await reader.readText(until: ",", invalid: .replace) == "\u{FFFD}")
        #expect(try await reader.readText(invalid: .replace) == "\u{FFFD}")
    }
}

@Suite(.eventLoop) struct TextIOTests {
    @Test func aSliceOrAnyCollectionOfBytesIsSent() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            try await writer.write(Array("abc".utf8).dropFirst())
            try await writer.write("de".utf8)
            try await writer.write(repeatElement(0x66, count: 2))
        }
        defer { server.close() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        defer { writer.close() }
        #expect(try await reader.readText() == "bcdeff")
    }

    @Test func aServersPortStaysKnownAfterItIsClosed() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        let port = server.port
        #expect(port > 0 && server.addresses.first?.port == port)
        server.close()
        #expect(server.addresses.isEmpty && server.port == port)
    }

    @Test func aServerForAnyInterfaceIsReachedByEachAddress() async throws {
        let server = try await startServer(host: .anyInterface, port: 0) { _, writer in try await writer.write("hi") }
        defer { server.close() }
        for host in ["127.0.0.1", "127.0.0.2"] {
            let (reader, writer) = try await openConnection(host: host, port: server.port)
            #expect(try await reader.readText() == "hi")
            writer.close()
        }
    }

    @Test func filesAreReadAsText() async throws {
        let path = "/tmp/asyncio-text-\(UInt64.random(in: 0 ... .max))"
        try await writeFile(path, [0x61, 0x0A, 0x0A, 0xFF, 0x0A, 0x62], sync: false)
        try await withFile(path, .read.updating) { file in
            #expect(try await file.readTextLine() == "a")
            #expect(try await file.readTextLine() == "")
            let error = await #expect(throws: ValueError.self) { try await file.readTextLine() }
            #expect(error?.message.contains("byte 0xFF at offset 0") == true)
            #expect(try await file.readTextLine() == "b")
            #expect(try await file.readTextLine() == nil)
            try await file.seek(0)
            #expect(try await file.readText(invalid: .replace) == "a\n\n\u{FFFD}\nb")
            try await file.seek(0)
            #expect(try await file.readToEnd() == [0x61, 0x0A, 0x0A, 0xFF, 0x0A, 0x62])
            try await file.write("x-y".utf8.dropFirst(2))
        }
        await #expect(throws: ValueError.self) { try await readText(path) }
        #expect(try await readText(path, invalid: .replace) == "a\n\n\u{FFFD}\nby")
        let returnCode = try await withSubprocess("rm", arguments: [path]) { try await $0.wait() }
        #expect(returnCode == 0)
    }
}
