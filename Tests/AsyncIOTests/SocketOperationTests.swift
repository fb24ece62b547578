import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// asyncio's operations on sockets that belong to the caller, and sending files through sockets.
@Suite(.eventLoop) struct SocketOperationTests {
    private func streamSocket() -> Int32 {
        socket(
            AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    }

    @Test func aWholeConversationOnRawSockets() async throws {
        let loop = try EventLoop.running
        let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false)) { _, _ in }
        defer { server.close() }
        let listener = dup(try #require(server.sockets.first))
        listen(listener, 5)
        defer { close(listener) }
        let accepting = createTask { try await loop.sockAccept(listener) }
        try await settle()
        #expect(!accepting.isDone)

        let client = streamSocket()
        defer { close(client) }
        try await loop.sockConnect(client, host: "localhost", port: server.port)
        let (accepted, address) = try await accepting.value
        defer { close(accepted) }
        #expect(address.host == "127.0.0.1")
        #expect(fcntl(accepted, F_GETFL) & O_NONBLOCK != 0)

        let receiving = createTask { try await loop.sockRecv(accepted, 100) }
        try await settle()
        #expect(!receiving.isDone)
        try await loop.sockSendAll(client, Array("hello".utf8))
        #expect(try await receiving.value == Array("hello".utf8))

        // More than the buffers hold.
        let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        let sending = createTask {
            try await loop.sockSendAll(accepted, bytes)
            shutdown(accepted, Int32(SHUT_WR))
        }
        var received: [UInt8] = []
        var memory = [UInt8](repeating: 0, count: 100_000)
        while true {
            let count = try await {
                var elements = memory.mutableSpan
                var span = elements.mutableBytes
                return try await loop.sockRecvInto(client, &span)
            }()
            if count == 0 { break }
            received += memory[..<count]
        }
        try await sending.value
        #expect(received == bytes)
        #expect(try await loop.sockRecv(client, 10).isEmpty)
    }

    @Test func connectingToNobodyIsAClearError() async throws {
        let loop = try EventLoop.running
        let client = streamSocket()
        defer { close(client) }
        let error = await #expect(throws: OSError.self) {
            try await loop.sockConnect(client, to: Endpoint(host: "127.0.0.1", port: 1))
        }
        #expect(error?.code == .connectionRefused)
    }

    @Test func datagramsOnRawSockets() async throws {
        let loop = try EventLoop.running
        let server = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
        let mine = dup(try #require(server.descriptor))
        defer { close(mine) }
        let address = try #require(server.localAddress)
        server.close()
        try await server.waitClosed()
        let client = socket(
            AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        defer { close(client) }
        let receiving = createTask { try await loop.sockRecvFrom(mine, 3) }
        try await settle()
        try await loop.sockSendTo(client, Array("hello".utf8), to: address)
        let (bytes, sender) = try await receiving.value
        #expect(bytes == Array("hel".utf8))
        try await loop.sockSendTo(mine, [1], to: sender)
        #expect(try await loop.sockRecvFrom(client, 10).address == address)
    }

    /// The poller reports that such a socket is writable all the time.
    @Test func sendingToAUnixSocketThatIsFullDoesNotSpin() async throws {
        let loop = try EventLoop.running
        let server = try await openDatagramSocket(localAddress: Endpoint(path: "\0full-\(getpid())"))
        defer { server.close() }
        let address = try #require(server.localAddress)
        let client = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        defer { close(client) }
        var sent = 0
        let sending = createTask {
            for number in 0..<100 {
                try await loop.sockSendTo(client, [UInt8(number)], to: address)
                sent += 1
            }
        }
        try await sleep(.milliseconds(10))
        let (turns, before) = (loop.turns, sent)
        try #require(before < 100, "the receiver's queue is longer than this test expects")
        try await sleep(.milliseconds(50))
        #expect(loop.turns - turns < 200)
        #expect(sent == before)
        for number in 0..<100 { #expect(try await server.receive().bytes == [UInt8(number)]) }
        try await sending.value
    }

    @Test func cancellingUnregistersAtOnceAndOthersGoOn() async throws {
        let loop = try EventLoop.running
        let (ours, peer) = try Peer.pair()
        defer { close(ours) }
        let first = createTask { try await loop.sockRecv(ours, 10) }
        let second = createTask { try await loop.sockRecv(ours, 10) }
        try await settle()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        peer.send("x")
        #expect(try await second.value == Array("x".utf8))
        #expect(try loop.removeReader(ours) == false)
        // The descriptor can be used for something else.
        let calls = Counter()
        try loop.addReader(ours) { calls.increase() }
        peer.send("y")
        try await eventually { calls.value > 0 }
        #expect(try loop.removeReader(ours))
    }

    @Test func readingAndWritingOneSocketDoNotDisturbEachOther() async throws {
        let loop = try EventLoop.running
        let (ours, peer) = try Peer.pair()
        defer { close(ours) }
        let reading = createTask { try await loop.sockRecv(ours, 10) }
        let bytes = [UInt8](repeating: 5, count: 2_000_000)
        let writing = createTask {
            try await loop.sockSendAll(ours, bytes)
            shutdown(ours, Int32(SHUT_WR))
        }
        #expect(try await peer.receiveToEnd() == bytes)
        try await writing.value
        #expect(!reading.isDone)
        peer.send("z")
        #expect(try await reading.value == Array("z".utf8))
    }

    @Test func inDebugModeASocketThatBlocksIsAnError() async throws {
        let loop = try EventLoop.running
        loop.debug = true
        let blocking = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(blocking) }
        await #expect(throws: ValueError.self) { _ = try await loop.sockRecv(blocking, 1) }
        await #expect(throws: ValueError.self) { try await loop.sockSendAll(blocking, [1]) }
        await #expect(throws: ValueError.self) { _ = try await loop.sockAccept(blocking) }
        await #expect(throws: ValueError.self) {
            try await loop.sockConnect(blocking, to: Endpoint(host: "127.0.0.1", port: 1))
        }
    }

    @Test func wrongNumbersAreErrors() async throws {
        let loop = try EventLoop.running
        await #expect(throws: ValueError.self) { _ = try await loop.sockRecv(Int32(-1), 1) }
        await #expect(throws: ValueError.self) { _ = try await loop.sockRecv(Int32(0), -1) }
        await #expect(throws: OSError.self) { _ = try await loop.sockRecv(Int32(999_999), 1) }
    }

    // MARK: Files

    /// Runs `body` with a file of `count` bytes, and its bytes.
    private func withFile(_ count: Int, _ body: (Int32, [UInt8]) async throws -> Void) async throws {
        try await withTemporaryPath { path in
            let file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            defer { close(file) }
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
            #expect(write(file, bytes, count) == count)
            lseek(file, 0, SEEK_SET)
            try await body(file, bytes)
        }
    }

    @Test func aFileGoesThroughASocket() async throws {
        let loop = try EventLoop.running
        try await withFile(3_000_000) { file, bytes in
            let (ours, peer) = try Peer.pair()
            let receiving = createTask { try await peer.receiveToEnd() }
            #expect(try await loop.sockSendFile(ours, file) == bytes.count)
            #expect(lseek(file, 0, SEEK_CUR) == bytes.count)
            #expect(try await loop.sockSendFile(ours, file, offset: 10, count: 20) == 20)
            #expect(lseek(file, 0, SEEK_CUR) == 30)
            #expect(try await loop.sockSendFile(ours, file, offset: bytes.count) == 0)
            close(ours)
            #expect(try await receiving.value == bytes + bytes[10..<30])
        }
    }

    @Test func whatIsNoRegularFileNeedsTheFallback() async throws {
        let loop = try EventLoop.running
        let null = open("/dev/zero", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        let (ours, peer) = try Peer.pair()
        await #expect(throws: SendfileNotAvailableError.self) {
            try await loop.sockSendFile(ours, null, count: 10, fallback: false)
        }
        #expect(try await loop.sockSendFile(ours, null, count: 10) == 10)
        close(ours)
        #expect(try await peer.receiveToEnd() == [UInt8](repeating: 0, count: 10))
    }

    @Test func wrongRangesAndSocketsAreErrors() async throws {
        let loop = try EventLoop.running
        try await withFile(10) { file, _ in
            let (ours, peer) = try Peer.pair()
            defer { close(ours) }
            await #expect(throws: ValueError.self) { try await loop.sockSendFile(ours, file, offset: -1) }
            await #expect(throws: ValueError.self) { try await loop.sockSendFile(ours, file, count: 0) }
            await #expect(throws: ValueError.self) { try await loop.sockSendFile(file, file) }
            withExtendedLifetime(peer) {}
        }
    }

    @Test func aFileGoesThroughATransportBetweenWrites() async throws {
        let loop = try EventLoop.running
        try await withFile(2_000_000) { file, bytes in
            let (ours, peer) = try Peer.pair()
            let (transport, receiver) = try await loop.createConnection(to: .socket(ours)) { RecordingProtocol() }
            let before = [UInt8](repeating: 1, count: 500_000)
            try transport.write(before)
            #expect(transport.writeBufferSize > 0)
            let sending = createTask { try await loop.sendFile(transport, file) }
            try await settle()
            #expect(throws: RuntimeError.self) { try transport.write("between") }
            await #expect(throws: RuntimeError.self) { try await loop.sendFile(transport, file) }
            #expect(!transport.isReading)
            let receiving = createTask { try await peer.receiveToEnd() }
            #expect(try await sending.value == bytes.count)
            #expect(lseek(file, 0, SEEK_CUR) == bytes.count)
            #expect(transport.isReading)
            try transport.write("after")
            transport.close()
            #expect(try await receiving.value == before + bytes + Array("after".utf8))
            try await receiver.waitUntilLost()
            await #expect(throws: RuntimeError.self) { try await loop.sendFile(transport, file) }
        }
    }

    @Test func anOpenFileCanBeSentLikeItsDescriptor() async throws {
        let loop = try EventLoop.running
        let directory = try Directory()
        try directory.make("page", Array("the page".utf8))
        let (ours, peer) = try Peer.pair()
        let (transport, _) = try await loop.createConnection(to: .socket(FileDescriptor(rawValue: ours))) {
            RecordingProtocol()
        }
        let sent = try await AsyncIO.withFile(directory("page")) { file in
            try await loop.sendFile(transport, file, offset: 4)
        }
        #expect(sent == 4)
        transport.close()
        #expect(try await peer.receiveToEnd() == Array("page".utf8))
    }

    @Test func aPipeTakesAFileByTheFallback() async throws {
        let loop = try EventLoop.running
        try await withFile(300_000) { file, bytes in
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            let reader = RecordingProtocol()
            _ = try await loop.connectReadPipe(ends[0]) { reader }
            let (transport, _) = try await loop.connectWritePipe(ends[1]) { RecordingProtocol() }
            await #expect(throws: SendfileNotAvailableError.self) {
                try await loop.sendFile(transport, file, fallback: false)
            }
            #expect(try await loop.sendFile(transport, file, offset: 5) == bytes.count - 5)
            transport.close()
            try await reader.waitUntilLost()
            #expect(reader.bytes == Array(bytes[5...]))
        }
    }

    @Test func aPeerThatGoesInTheMiddleIsAConnectionError() async throws {
        let loop = try EventLoop.running
        try await withFile(5_000_000) { file, _ in
            let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                _ = try await reader.readExactly(1000)
                writer.abort()
            }
            defer { server.close() }
            let (transport, receiver) = try await loop.createConnection(
                host: "127.0.0.1", port: server.port
            ) { RecordingProtocol() }
            let error = await #expect(throws: OSError.self) { try await loop.sendFile(transport, file) }
            #expect(error?.isConnectionError == true)
            try await receiver.waitUntilLost()
        }
    }
}
