import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.loopback) struct ProxyHeaderTests {
    /// Sends bytes to a server that expects a header. Returns the address that it sees and the line that it reads, or nil
    /// if it ends the connection.
    private func send(_ parts: [[UInt8]]) async throws -> (peer: String, line: String)? {
        let server = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(expectsProxyHeader: true)
        ) { reader, writer in
            let line = try await reader.readTextLine() ?? ""
            try await writer.write("\(writer.peerAddress?.description ?? "none")\n\(line)\n")
        }
        return try await withServer(server, grace: .zero) { server in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            defer { writer.close() }
            for part in parts {
                try await writer.write(part)
                try await sleep(.milliseconds(2))
            }
            guard let peer = try? await reader.readTextLine() else { return nil }
            return (peer, try await reader.readTextLine() ?? "")
        }
    }

    private func text(_ text: String) -> [[UInt8]] { [Array(text.utf8)] }

    /// A header of version 2.
    private func binary(_ command: UInt8, _ family: UInt8, _ addresses: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? addresses.count
        return [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family]
            + [UInt8(length >> 8), UInt8(length & 0xFF)] + addresses
    }

    @Test func aTextHeaderAnnouncesThePeer() async throws {
        let four = try await send(text("PROXY TCP4 192.0.2.7 192.0.2.1 49152 443\r\nhello\n"))
        #expect(four?.peer == "192.0.2.7:49152" && four?.line == "hello")
        let six = try await send(text("PROXY TCP6 2001:db8::7 2001:db8::1 49152 443\r\nhello\n"))
        #expect(six?.peer == "[2001:db8::7]:49152" && six?.line == "hello")
    }

    @Test func aBinaryHeaderAnnouncesThePeer() async throws {
        let addresses: [UInt8] = [192, 0, 2, 7, 192, 0, 2, 1, 0xC0, 0x00, 0x01, 0xBB]
        let four = try await send([binary(0x21, 0x11, addresses + [1, 2, 3]) + Array("hello\n".utf8)])
        #expect(four?.peer == "192.0.2.7:49152" && four?.line == "hello")
        let host: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7]
        let six = try await send([binary(0x21, 0x21, host + host + [0xC0, 0x00, 0x01, 0xBB]), Array("hello\n".utf8)])
        #expect(six?.peer == "[2001:db8::7]:49152" && six?.line == "hello")
    }

    @Test func aHeaderCanArriveByteByByte() async throws {
        let bytes = Array("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\nhello\n".utf8)
        #expect(try await send(bytes.map { [$0] })?.peer == "192.0.2.7:1")
        let addresses: [UInt8] = [192, 0, 2, 7, 192, 0, 2, 1, 0, 1, 0, 2]
        #expect(try await send((binary(0x21, 0x11, addresses) + [0x0A]).map { [$0] })?.peer == "192.0.2.7:1")
    }

    @Test func aProxyThatSpeaksForItselfIsThePeer() async throws {
        for header in [text("PROXY UNKNOWN\r\nhello\n"), [binary(0x20, 0, []) + Array("hello\n".utf8)]] {
            let answer = try await send(header)
            #expect(answer?.peer.hasPrefix("127.0.0.1:") == true && answer?.line == "hello")
        }
    }

    @Test func aConnectionWithoutAHeaderIsAborted() async throws {
        let headers: [[[UInt8]]] = [
            text("GET / HTTP/1.1\r\n\r\n"), text("PROXY TCP4 192.0.2.7\r\n\n"), text("PROXY TCP4 a b 1 2\r\n\n"),
            text("PROXY TCP4 192.0.2.7 192.0.2.1 99999 2\r\n\n"),
            text("PROXY TCP4 " + String(repeating: "1", count: 120)),
            text("PROXY UNKNOWN\n\n"), [binary(0x31, 0x11, [])], [binary(0x21, 0x11, [1, 2, 3])],
            [binary(0x21, 0x11, [], length: 60_000)],
        ]
        for header in headers { #expect(try await send(header) == nil) }
    }

    @Test func theLimitOfAPeerCountsWhomTheProxyAnnounces() async throws {
        let server = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(maxConnectionsPerPeer: 1, expectsProxyHeader: true)
        ) { reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        try await withServer(server, grace: .zero) { server in
            /// Returns the answer to a line, which is nil if the connection was refused.
            func connect(_ header: String) async throws -> (answer: String?, writer: StreamWriter) {
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                try await writer.write(header + "\r\nhello\n")
                return (try? await reader.readTextLine(), writer)
            }
            let first = try await connect("PROXY TCP4 192.0.2.7 192.0.2.1 1 2")
            #expect(first.answer == "hello")
            let again = try await connect("PROXY TCP4 192.0.2.7 192.0.2.1 3 2")
            #expect(again.answer == nil)
            let other = try await connect("PROXY TCP4 192.0.2.8 192.0.2.1 1 2")
            #expect(other.answer == "hello")
            // The proxy's own connections do not count.
            let own = [try await connect("PROXY UNKNOWN"), try await connect("PROXY UNKNOWN")]
            #expect(own.map(\.answer) == ["hello", "hello"])
            first.writer.close()
            try await eventually { server.connectionCount == 3 }
            let last = try await connect("PROXY TCP4 192.0.2.7 192.0.2.1 5 2")
            #expect(last.answer == "hello")
            for one in [again, other, last] + own { one.writer.close() }
        }
    }

    @Test func aShutdownEndsTheWaitForAHeader() async throws {
        var isServed = false
        let server = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(expectsProxyHeader: true)
        ) { _, _ in isServed = true }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        defer { writer.close() }
        try await writer.write("PROXY TCP4 ")
        try await eventually { server.connectionCount == 1 }
        try await server.shutdown(within: .zero)
        #expect(server.connectionCount == 0 && !isServed)
        #expect((try? await reader.read()) ?? [] == [])
    }

    /// Headers that are cut off, changed, and divided at random. Each connection is served, or ends.
    @Test(.seeds(200)) func noHeaderHarmsTheServer() async throws {
        let headers = [
            Array("PROXY TCP4 192.0.2.1 192.0.2.2 49152 443\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8),
            Array("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n".utf8),
            binary(0x21, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 0, 81]),
            binary(0x21, 0x21, [UInt8](repeating: 7, count: 36)), binary(0x20, 0, []),
        ]
        var bytes = try #require(headers.randomElement())
        for _ in 0..<Int.random(in: 0...3) {
            let index = Int.random(in: 0..<bytes.count)
            switch Int.random(in: 0...3) {
            case 0: bytes[index] = UInt8.random(in: 0...255)
            case 1: bytes.insert(UInt8.random(in: 0...255), at: index)
            case 2: bytes.removeLast(min(index, bytes.count - 1))
            default: bytes.insert(contentsOf: bytes[index...], at: index)
            }
        }
        let server = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(expectsProxyHeader: true)
        ) { reader, _ in _ = try await reader.read() }
        let (reader, writer) = try await openStream(to: server, faults: StreamFaults(pieceSize: Int.random(in: 1...9)))
        try await writer.write(bytes)
        try writer.writeEOF()
        // The server ends the connection, with or without an error.
        #expect((try? await reader.read()) ?? [] == [])
        writer.close()
        try await server.shutdown(within: .zero)
        #expect(server.connectionCount == 0)
    }

    /// Connections that end while their header is read, in any turn.
    @Test(.seeds(200)) func aConnectionThatEndsDuringItsHeaderIsNotCounted() async throws {
        let server = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(maxConnectionsPerPeer: 1, expectsProxyHeader: true)
        ) { reader, writer in
            let line = try await reader.readLine()
            if !line.isEmpty { try await writer.write(line) }
        }
        func open() async throws -> (StreamReader, StreamWriter) {
            let stream = try await openStream(to: server)
            try await stream.1.write("PROXY TCP4 192.0.2.1 192.0.2.2 49152 443\r\n")
            return stream
        }
        for _ in 0..<3 {
            let (_, writer) = try await open()
            for _ in 0..<Int.random(in: 0...4) { try await sleep(.zero) }
            if Int.random(in: 0...1) == 0 { server.abortClients() } else { writer.abort() }
            for _ in 0..<Int.random(in: 0...1) { try await sleep(.zero) }
            writer.close()
        }
        while server.connectionCount > 0 { try await sleep(.milliseconds(1)) }
        let (reader, writer) = try await open()
        try await writer.write("hello\n")
        #expect(try await reader.readLine() == Array("hello\n".utf8))
        writer.close()
        try await server.shutdown(within: .zero)
    }
}
