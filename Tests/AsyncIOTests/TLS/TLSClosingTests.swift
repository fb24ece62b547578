import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// The ends of TLS connections: normal, cut off, or missing.
@Suite(.requires(.tls), .loopback) struct TLSClosingTests {
    /// A server that passes bytes on to `port` with the closure `pass`.
    private func withProxy(
        to port: Int, _ pass: @escaping (_ isFromServer: Bool, StreamReader, StreamWriter) async throws -> Void,
        _ body: (_ port: Int) async throws -> Void
    ) async throws {
        try await withPlainServer(
            { reader, writer in
                let (serverReader, serverWriter) = try await openConnection(host: "127.0.0.1", port: port)
                let task = createTask {
                    try? await pass(false, reader, serverWriter)
                    serverWriter.close()
                }
                try? await pass(true, serverReader, writer)
                writer.close()
                serverWriter.close()
                task.cancel()
            }, body)
    }

    @Test func anEndWithoutClosingIsAnErrorThatSaysSo() async throws {
        try await withTLSServer(
            nil,
            { _, writer in
                try await writer.write("half of a mess")
                try await sleep(.milliseconds(5))
                writer.abort()
            }
        ) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            #expect(try await reader.readExactly(14) == Array("half of a mess".utf8))
            let error = await tlsError { _ = try await reader.read() }
            #expect(error?.code == .truncated)
            #expect(error?.message.contains("close_notify") == true)
            // Further reads fail too.
            #expect(await tlsError { _ = try await reader.read() }?.code == .truncated)
            #expect(await tlsError { try await writer.write("more") }?.code == .truncated)
            #expect(await tlsError { try await writer.waitClosed() }?.code == .truncated)
        }
    }

    @Test func whoToleratesItGetsTheEndOfTheStream() async throws {
        let context = try clientContext()
        context.toleratesTruncation = true
        try await withTLSServer(
            nil,
            { _, writer in
                try await writer.write("all")
                try await sleep(.milliseconds(5))
                writer.abort()
            }
        ) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: context)
            #expect(try await reader.read() == Array("all".utf8))
            writer.close()
            try await writer.waitClosed()
        }
    }

    /// Wherever the stream is cut, it ends with an error that says what happened.
    @Test func aStreamCutAnywhereIsAnError() async throws {
        let message = [UInt8](repeating: 5, count: 40_000)
        try await withTLSServer(nil, { _, writer in try await writer.write(message) }) { port in
            for length in [0, 1, 5, 6, 100, 700, 1_000, 2_000, 10_000, 40_000] {
                try await withProxy(
                    to: port,
                    { isFromServer, reader, writer in
                        var left = isFromServer ? length : .max
                        while left > 0 {
                            let bytes = try await reader.read(min(left, 65_536))
                            if bytes.isEmpty { return }
                            left -= bytes.count
                            try await writer.write(bytes)
                        }
                    }
                ) { port in
                    do {
                        let (reader, writer) = try await openConnection(
                            host: "localhost", port: port, tls: clientContext())
                        defer { writer.abort() }
                        #expect(try await reader.read().count < message.count)
                        Issue.record("the cut after \(length) bytes was not noticed")
                    } catch let error as OSError {
                        #expect(error.code == .connectionReset)
                    } catch let error as TLSError {
                        #expect(error.code == .truncated)
                    }
                }
            }
        }
    }

    @Test func aChangedByteIsAnError() async throws {
        try await withTLSServer(nil, { _, writer in try await writer.write([UInt8](repeating: 5, count: 40_000)) }) {
            port in
            try await withProxy(
                to: port,
                { isFromServer, reader, writer in
                    var passed = 0
                    while true {
                        var bytes = try await reader.read(65_536)
                        if bytes.isEmpty { return }
                        if isFromServer, (passed..<passed + bytes.count).contains(20_000) {
                            bytes[20_000 - passed] ^= 1
                        }
                        passed += bytes.count
                        try await writer.write(bytes)
                    }
                }
            ) { port in
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
                let error = await tlsError { _ = try await reader.read() }
                #expect(error?.code == .protocolViolation)
                #expect(error?.message.contains("bad record mac") == true)
                #expect(writer.isClosing)
            }
        }
    }

    @Test func oneByteAtATimeIsEnough() async throws {
        try await withTLSServer { port in
            try await withProxy(
                to: port,
                { _, reader, writer in
                    while true {
                        let byte = try await reader.read(1)
                        if byte.isEmpty { return }
                        try await writer.write(byte)
                    }
                }
            ) { port in
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
                try await writer.write(String(repeating: "slowly ", count: 100) + "\n")
                #expect(try await reader.readLine().count == 701)
                writer.close()
                try await writer.waitClosed()
            }
        }
    }

    @Test func closingReadsWhatThePeerStillSends() async throws {
        let mayWrite = Event()
        let ended = Future<Int>()
        try await withTLSServer(
            nil,
            { reader, writer in
                do {
                    try await mayWrite.wait()
                    for _ in 0..<100 { try await writer.write([UInt8](repeating: 1, count: 65_536)) }
                    try ended.setResult(try await reader.read().count)
                } catch {
                    try ended.setError(error)
                }
            }
        ) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            try await writer.write("last words")
            writer.close()
            mayWrite.set()
            try await writer.waitClosed()
            #expect(try await ended.value == 10)
            // Bytes that arrived after the close are dropped.
            #expect(try await reader.read().isEmpty)
        }
    }

    @Test(.eventLoop) func aPeerThatNeverAgreesIsATimeout() async throws {
        let context = try clientContext()
        context.shutdownTimeout = .milliseconds(50)
        let isOver = Event()
        try await withTLSServer(nil, { _, _ in try await isOver.wait() }) { port in
            let (_, writer) = try await openConnection(host: "localhost", port: port, tls: context)
            writer.close()
            await #expect(throws: TimeoutError.self) { try await writer.waitClosed() }
            #expect(try EventLoop.running.timerCount == 0)
        }
        isOver.set()
    }

    @Test func closingWakesWhoReads() async throws {
        try await withTLSServer { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            let task = createTask { try await reader.read(1) }
            try await sleep(.milliseconds(5))
            writer.close()
            #expect(try await task.value.isEmpty)
            try await writer.waitClosed()
        }
    }

    @Test func abortingWakesWhoReadsAndWhoWrites() async throws {
        let isOver = Event()
        try await withTLSServer(nil, { _, _ in try await isOver.wait() }) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            let reading = createTask { try await reader.read(1) }
            let writing = createTask {
                while true { try await writer.write([UInt8](repeating: 1, count: 65_536)) }
            }
            try await sleep(.milliseconds(20))
            writer.abort()
            #expect(try await reading.value.isEmpty)
            await #expect(throws: (any Error).self) { try await writing.value }
            try await writer.waitClosed()
        }
        isOver.set()
    }

    @Test(.eventLoop, .requires(.python3)) func aReaderMayAnswerAfterThePeersEnd() async throws {
        // TLS 1.3 ends each direction separately. asyncio would have closed the connection.
        try await withTLSServer(
            nil,
            { reader, writer in
                let question = try await reader.read()
                try await writer.write(question.reversed())
            }
        ) { port in
            let answer = try await Program.python(
                """
                import socket, ssl, sys
                context = ssl.create_default_context(cafile=sys.argv[2])
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
                sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                def drive(call):
                    while True:
                        try:
                            result = call()
                            sock.sendall(outgoing.read())
                            return result
                        except ssl.SSLWantReadError:
                            sock.sendall(outgoing.read())
                            incoming.write(sock.recv(65536))
                drive(tls.do_handshake)
                drive(lambda: tls.write(b"abc"))
                try:
                    tls.unwrap()
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                print(drive(lambda: tls.read(100)).decode(), flush=True)
                """, ["\(port)", Certificates.authority.certificate])
            #expect(answer == "cba\n")
        }
    }

    @Test func memoryIsFlatOverManyConnections() async throws {
        let context = try clientContext()
        try await withTLSServer { port in
            var before = 0
            for round in 0..<300 {
                if round == 100 { before = Process.residentMemory }
                let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: context)
                try await writer.write([UInt8](repeating: 1, count: 10_000))
                _ = try await reader.readExactly(10_000)
                writer.close()
                try await writer.waitClosed()
            }
            // A connection that leaked its OpenSSL objects would have left 30 KB or more.
            #expect(Process.residentMemory - before < 3_000_000)
        }
    }
}
