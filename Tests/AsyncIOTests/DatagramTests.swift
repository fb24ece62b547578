import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Datagrams over UDP and Unix sockets, with protocols and with tasks.
@Suite(.loopback) struct DatagramTests {
    private final class Recorder: DatagramProtocol {
        var calls: [String] = []
        var datagrams: [(bytes: [UInt8], address: Endpoint)] = []
        var errors: [OSError] = []
        var transport: DatagramTransport?
        var onData: ([UInt8], Endpoint) throws -> Void = { _, _ in }
        var lossError: (any Error)?

        func connectionMade(_ transport: DatagramTransport) {
            calls.append("made")
            self.transport = transport
        }
        func datagramReceived(_ bytes: [UInt8], from address: Endpoint) throws {
            datagrams.append((bytes, address))
            try onData(bytes, address)
        }
        func errorReceived(_ error: OSError) { errors.append(error) }
        func connectionLost(_ error: (any Error)?) {
            calls.append("lost")
            lossError = error
            transport = nil
        }
        func pauseWriting() { calls.append("pause") }
        func resumeWriting() { calls.append("resume") }
    }

    private func loopback(_ port: Int = 0) throws -> Endpoint { try Endpoint(host: "127.0.0.1", port: port) }

    // MARK: Protocols

    @Test func datagramsGoThereAndBack() async throws {
        let loop = try EventLoop.running
        let echo = Recorder()
        let (server, _) = try await loop.createDatagramEndpoint(localAddress: loopback()) { echo }
        echo.onData = { bytes, address in try server.send(bytes.reversed(), to: address) }
        let address = try #require(server.localAddress)
        let (client, receiver) = try await loop.createDatagramEndpoint(remoteAddress: address) { Recorder() }
        #expect(client.peerAddress == address)
        #expect(echo.calls == ["made"])
        try client.send(Array("abc".utf8))
        try client.send([], to: nil)
        try client.send([1], to: address)
        try await eventually { receiver.datagrams.count == 3 }
        #expect(receiver.datagrams.map(\.bytes) == [Array("cba".utf8), [], [1]])
        #expect(receiver.datagrams.allSatisfy { $0.address == address })
        #expect(echo.datagrams.map(\.address) == Array(repeating: try #require(client.localAddress), count: 3))
        client.close()
        client.close()
        try await eventually { receiver.calls == ["made", "lost"] }
        #expect(receiver.lossError == nil)
        try client.send([2])
        server.abort()
        try await eventually { echo.calls == ["made", "lost"] }
    }

    @Test func aWrongAddressIsAnError() async throws {
        let loop = try EventLoop.running
        let (connected, _) = try await loop.createDatagramEndpoint(remoteAddress: loopback(9)) { Recorder() }
        #expect(throws: ValueError.self) { try connected.send([1], to: loopback(10)) }
        let (open, _) = try await loop.createDatagramEndpoint(family: .ipv4) { Recorder() }
        #expect(throws: ValueError.self) { try open.send([1]) }
        connected.close()
        open.close()
    }

    @Test func anErrorOfADatagramIsToldAndTheSocketGoesOn() async throws {
        let loop = try EventLoop.running
        // A port that is no longer in use.
        let (gone, _) = try await loop.createDatagramEndpoint(localAddress: loopback()) { Recorder() }
        let nobody = try #require(gone.localAddress)
        gone.close()
        try await settle()
        let (client, receiver) = try await loop.createDatagramEndpoint(remoteAddress: nobody) { Recorder() }
        try client.send([1])
        try await eventually { !receiver.errors.isEmpty }
        #expect(receiver.errors[0].code == .connectionRefused)
        // Too large for a datagram.
        try client.send([UInt8](repeating: 0, count: 70_000))
        #expect(receiver.errors.last?.code == .messageTooLong)
        #expect(!client.isClosing)
        #expect(receiver.calls == ["made"])
        client.close()
    }

    @Test func anErrorOfTheProtocolEndsTheTransport() async throws {
        let reports = try ReportRecorder()
        let loop = try EventLoop.running
        let receiver = Recorder()
        receiver.onData = { _, _ in throw Boom(4) }
        let (server, _) = try await loop.createDatagramEndpoint(localAddress: loopback()) { receiver }
        let (client, _) = try await loop.createDatagramEndpoint(remoteAddress: server.localAddress) { Recorder() }
        try client.send([1])
        try await eventually { receiver.calls == ["made", "lost"] }
        #expect(receiver.lossError as? Boom == Boom(4))
        #expect(reports.messages == ["Fatal error: protocol.datagramReceived() call failed."])
        client.close()
    }

    @Test(.eventLoop) func addressesMustFitTogether() async throws {
        let loop = try EventLoop.running
        await #expect(throws: ValueError.self) { _ = try await loop.createDatagramEndpoint { Recorder() } }
        await #expect(throws: ValueError.self) {
            _ = try await loop.createDatagramEndpoint(
                localAddress: loopback(), remoteAddress: Endpoint(host: "::1", port: 9)
            ) { Recorder() }
        }
        await #expect(throws: ValueError.self) {
            _ = try await loop.createDatagramEndpoint(localAddress: loopback(), family: .ipv6) { Recorder() }
        }
        let stream = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(stream) }
        await #expect(throws: ValueError.self) {
            _ = try await loop.createDatagramEndpoint(socket: stream) { Recorder() }
        }
        #expect(fcntl(stream, F_GETFD) != -1)
    }

    @Test(.eventLoop) func aPortInUseIsAClearError() async throws {
        let loop = try EventLoop.running
        let (first, _) = try await loop.createDatagramEndpoint(localAddress: loopback(), reusePort: true) { Recorder() }
        let address = try #require(first.localAddress)
        let error = await #expect(throws: OSError.self) {
            _ = try await loop.createDatagramEndpoint(localAddress: address) { Recorder() }
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.description.contains("\(address)") == true)
        let (second, _) = try await loop.createDatagramEndpoint(localAddress: address, reusePort: true) { Recorder() }
        first.close()
        second.close()
    }

    @Test(.eventLoop) func withBroadcastTheSocketIsNotConnected() async throws {
        let loop = try EventLoop.running
        let receiver = Recorder()
        let (server, _) = try await loop.createDatagramEndpoint(localAddress: loopback()) { receiver }
        let (client, _) = try await loop.createDatagramEndpoint(
            remoteAddress: server.localAddress, allowBroadcast: true
        ) { Recorder() }
        #expect(client.peerAddress == nil)
        #expect(socketOption(try #require(client.descriptor), SOL_SOCKET, SO_BROADCAST) == 1)
        try client.send([7])
        try await eventually { receiver.datagrams.map(\.bytes) == [[7]] }
        client.close()
        server.close()
    }

    @Test(.eventLoop) func whatIsKeptCountsWithItsHeaderAndIsSentInOrder() async throws {
        let loop = try EventLoop.running
        let (ours, peer) = try Peer.pair(SOCK_DGRAM)
        let (transport, receiver) = try await loop.createDatagramEndpoint(socket: ours) { Recorder() }
        var sent = 0
        while transport.writeBufferSize == 0 {
            try transport.send(Array("\(sent)".utf8))
            sent += 1
        }
        #expect(transport.writeBufferSize == "\(sent - 1)".utf8.count + 8)
        try transport.send([])
        #expect(transport.writeBufferSize == "\(sent - 1)".utf8.count + 16)
        try transport.setWriteBufferLimits(high: 0)
        #expect(receiver.calls == ["made", "pause"])
        var received: [[UInt8]] = []
        while received.count < sent + 1 {
            if let datagram = peer.receive() { received.append(datagram) } else { try await sleep(.milliseconds(1)) }
        }
        #expect(received == (0..<sent).map { Array("\($0)".utf8) } + [[]])
        #expect(receiver.calls == ["made", "pause", "resume"])
        transport.close()
    }

    // MARK: Unix

    @Test func unixDatagramsGoThereAndBack() async throws {
        try await withTemporaryPath { path in
            try await withTemporaryPath { mine in
                let server = try await openDatagramSocket(localAddress: Endpoint(path: path))
                let client = try await openDatagramSocket(
                    localAddress: Endpoint(path: mine), remoteAddress: Endpoint(path: path))
                try await client.send("hello")
                let (bytes, sender) = try await server.receive()
                #expect(bytes == Array("hello".utf8))
                #expect(sender == (try Endpoint(path: mine)))
                try await server.send("back", to: sender)
                #expect(try await client.receive().bytes == Array("back".utf8))
                client.close()
                server.close()
                // A file that was left behind is replaced.
                let again = try await openDatagramSocket(localAddress: Endpoint(path: path))
                again.close()
            }
        }
    }

    // MARK: Tasks

    @Test func tasksReceiveAndSend() async throws {
        let server = try await openDatagramSocket(localAddress: loopback())
        let echo = createTask {
            while true {
                let (bytes, sender) = try await server.receive()
                try await server.send(bytes, to: sender)
            }
        }
        let client = try await openDatagramSocket(remoteAddress: server.localAddress)
        #expect(client.peerAddress == server.localAddress)
        for number in 0..<100 {
            try await client.send("\(number)")
            let (bytes, sender) = try await client.receive()
            #expect(bytes == Array("\(number)".utf8))
            #expect(sender == server.localAddress)
        }
        try await client.send([UInt8](repeating: 3, count: 65_507))
        #expect(try await client.receive().bytes.count == 65_507)
        try await client.send([])
        #expect(try await client.receive().bytes.isEmpty)
        echo.cancel()
        await #expect(throws: CancellationError.self) { try await echo.value }
        client.close()
        server.close()
        try await client.waitClosed()
    }

    @Test func receivingHasOneTaskAndClearErrors() async throws {
        let socket = try await openDatagramSocket(localAddress: loopback())
        let receiving = createTask { try await socket.receive() }
        try await settle()
        await #expect(throws: RuntimeError.self) { _ = try await socket.receive() }
        socket.close()
        await #expect(throws: RuntimeError.self) { _ = try await receiving.value }
        await #expect(throws: RuntimeError.self) { _ = try await socket.receive() }
        await #expect(throws: RuntimeError.self) { try await socket.send([1], to: loopback(9)) }
    }

    @Test func aRefusedDatagramIsAnErrorOfTheNextReceive() async throws {
        let gone = try await openDatagramSocket(localAddress: loopback())
        let address = try #require(gone.localAddress)
        gone.close()
        try await gone.waitClosed()
        let client = try await openDatagramSocket(remoteAddress: address)
        try await client.send([1])
        let error = await #expect(throws: OSError.self) { _ = try await client.receive() }
        #expect(error?.code == .connectionRefused)
        #expect(!client.isClosing)
        client.close()
    }

    @Test func aReceiveUnderATimeoutLosesNothing() async throws {
        let server = try await openDatagramSocket(localAddress: loopback())
        await #expect(throws: TimeoutError.self) {
            _ = try await withTimeout(.milliseconds(5)) { try await server.receive() }
        }
        let client = try await openDatagramSocket(remoteAddress: server.localAddress)
        try await client.send([9])
        #expect(try await server.receive().bytes == [9])
        client.close()
        server.close()
    }

    @Test(.eventLoop) func sendingWaitsWhenTheSystemTakesNoMore() async throws {
        let (ours, peer) = try Peer.pair(SOCK_DGRAM)
        let socket = try await openDatagramSocket(socket: ours)
        var sent = 0
        let sending = createTask {
            for _ in 0..<20_000 {
                try await socket.send([UInt8](repeating: 1, count: 100))
                sent += 1
            }
        }
        // No one reads, so it stays that way.
        try await eventually { sent > 0 && !isWritable(ours) }
        try await settle()
        #expect(!sending.isDone)
        let before = sent
        try await settle()
        #expect(sent == before)
        var received = 0
        while received < 20_000 {
            if peer.receive() != nil { received += 1 } else { try await sleep(.zero) }
        }
        try await sending.value
        socket.close()
    }

    @Test(.eventLoop) func aSocketThatNobodyHoldsIsReportedAndClosed() async throws {
        let reports = try ReportRecorder()
        var descriptor: Int32 = -1
        do {
            let socket = try await openDatagramSocket(localAddress: loopback())
            descriptor = try #require(socket.descriptor)
        }
        #expect(reports.messages.contains { $0.contains("unclosed datagram socket") })
        #expect(fcntl(descriptor, F_GETFD) == -1)
    }
}
