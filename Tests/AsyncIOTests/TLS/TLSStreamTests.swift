import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Streams with TLS at both ends, over real sockets on the loopback interface.
@Suite(.requires(.tls), .loopback) struct TLSStreamTests {
    @Test(arguments: ["127.0.0.1", "::1", "localhost"])
    func bytesGoThereAndBack(host: String) async throws {
        try await withTLSServer(host: host) { port in
            let (reader, writer) = try await openConnection(host: host, port: port, tls: clientContext())
            try await writer.write("hello\n")
            #expect(try await reader.readLine() == Array("hello\n".utf8))
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test(arguments: [TLSContext.Version.v1_2, .v1_3])
    func aMegabyteComesBackWhole(version: TLSContext.Version) async throws {
        let context = try clientContext()
        try context.setVersions(minimum: version, maximum: version)
        try await withTLSServer { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: context)
            let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let sending = createTask { try await writer.write(sent) }
            #expect(try await reader.readExactly(sent.count) == sent)
            try await sending.value
            #expect(writer.tls?.version == version)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func knownAddressesNeedTheNameOfTheServer() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, tls: serverContext(), echoing)
        defer { server.close() }
        let target = ConnectionTarget.addresses([try Endpoint(host: "127.0.0.1", port: server.port)])
        await #expect(throws: ValueError.self) { _ = try await openConnection(to: target, tls: clientContext()) }
        let (reader, writer) = try await openConnection(
            to: target, tls: clientContext(), options: .init(serverHostname: "localhost"))
        try await writer.write("to an address\n")
        #expect(try await reader.readTextLine() == "to an address")
        writer.close()
    }

    @Test func theServersEndOfTheStreamIsTheClientsEndOfFile() async throws {
        try await withTLSServer(nil, { _, writer in try await writer.write("bye") }) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
            #expect(try await reader.read() == Array("bye".utf8))
            #expect(reader.isAtEOF)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func aSlowReaderStopsTheWriter() async throws {
        let mayRead = Event()
        try await withTLSServer(
            nil,
            { reader, _ in
                try await mayRead.wait()
                _ = try await reader.read()
            }
        ) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
            var written = 0
            let task = createTask {
                for _ in 0..<1_000 {
                    try await writer.write([UInt8](repeating: 1, count: 65_536))
                    written += 1
                }
            }
            var before = -1
            while written != before {
                before = written
                try await sleep(.milliseconds(50))
            }
            #expect(written < 1_000)
            // asyncio's high-water mark for TLS, and one more write.
            #expect(writer.bufferedCount > 512 * 1024)
            #expect(writer.bufferedCount <= 512 * 1024 + 66_000)
            mayRead.set()
            try await task.value
            #expect(written == 1_000)
            writer.close()
            try await writer.waitClosed()
        }
    }

    /// A large write is encrypted in parts. What is left at the end may be too little for the
    /// connection below to have paused, and too much for this one to go on.
    @Test(.eventLoop, arguments: [640_000, 720_000, 800_000, 880_000, 960_000, 1_040_000])
    func aWriteOfAnySizeEndsOnceTheReaderReads(count: Int) async throws {
        let mayRead = Event()
        try await withTLSServer(
            nil,
            { reader, writer in
                try await mayRead.wait()
                _ = try await reader.readExactly(count)
                try await writer.write("all")
            }
        ) { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
            Peer.shrinkBuffers(try #require(writer.descriptor))
            let task = createTask { try await writer.write([UInt8](repeating: 1, count: count)) }
            for _ in 0..<5 { try await sleep(.zero) }
            #expect(!task.isDone)
            mayRead.set()
            try await task.value
            #expect(try await reader.readExactly(3) == Array("all".utf8))
            writer.close()
        }
    }

    @Test func readsOfEverySizeSeeTheSameBytes() async throws {
        let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await withTLSServer(nil, { _, writer in try await writer.write(sent) }) { port in
            for size in [1, 2, 1000, 16_384, 16_385, 50_000, 200_000] {
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
                var received: [UInt8] = []
                let target = size == 1 ? 2_000 : sent.count
                while received.count < target {
                    let part = try await reader.read(size)
                    #expect(part.count <= size)
                    if part.isEmpty { break }
                    received += part
                }
                #expect(received == Array(sent[..<target]))
                writer.abort()
            }
        }
    }

    @Test func writeEOFIsRefused() async throws {
        try await withTLSServer { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
            #expect(throws: RuntimeError.self) { try writer.writeEOF() }
            writer.close()
        }
    }

    @Test func whatIsKeptIsStillSentAfterClose() async throws {
        let size = 3_000_000
        let received = Future<Int>()
        try await withTLSServer(
            nil,
            { reader, _ in
                try await sleep(.milliseconds(20))
                try received.setResult(try await reader.read().count)
            }
        ) { port in
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
            try writer.setWaterMarks(high: size * 2, low: 0)
            try await writer.write([UInt8](repeating: 7, count: size))
            writer.close()
            await #expect(throws: RuntimeError.self) { try await writer.write("late") }
            try await writer.waitClosed()
            #expect(try await received.value == size)
        }
    }

    @Test func unixSocketsCarryTLSToo() async throws {
        let path = Certificates.folder + "/tls.socket"
        let server = try await startServer(on: .unix(path: path), tls: serverContext(), echoing)
        defer { server.close() }
        let (reader, writer) = try await openConnection(
            to: .unix(path: path), tls: clientContext(), options: .init(serverHostname: "localhost"))
        try await writer.write("over a file\n")
        #expect(try await reader.readLine() == Array("over a file\n".utf8))
        writer.close()
        try await writer.waitClosed()
        await #expect(throws: ValueError.self) {
            _ = try await openConnection(to: .unix(path: path), tls: clientContext())
        }
    }

    @Test func aThousandSmallMessages() async throws {
        try await withTLSServer { port in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
            for number in 0..<1_000 {
                try await writer.write("\(number)\n")
                #expect(try await reader.readLine() == Array("\(number)\n".utf8))
            }
            writer.close()
        }
    }

    @Test func nothingIsLeftOpen() async throws {
        let context = try clientContext()
        try await withTLSServer { port in
            for round in 0..<20 {
                let before = Process.descriptors
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: context)
                try await writer.write("x")
                #expect(try await reader.readExactly(1) == [0x78])
                if round % 2 == 0 { writer.close() } else { writer.abort() }
                try await writer.waitClosed()
                try await eventually { Process.opened(since: before).isEmpty }
            }
        }
    }
}
