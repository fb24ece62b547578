import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Transports over real sockets, and their protocols.
@Suite(.eventLoop) struct TransportTests {
    /// A transport over one end of a pair of sockets.
    private func connect(
        _ prepare: (Peer, RecordingProtocol) -> Void = { _, _ in }
    ) async throws -> (Transport, RecordingProtocol, Peer) {
        let (ours, peer) = try Peer.pair()
        let receiver = RecordingProtocol()
        prepare(peer, receiver)
        let (transport, same) = try await EventLoop.running.createConnection(to: .socket(ours)) { receiver }
        #expect(same === receiver)
        return (transport, receiver, peer)
    }

    /// More than the buffers of a pair of sockets hold.
    private let large = [UInt8](repeating: 7, count: 3_000_000)

    // MARK: Order

    @Test func noDataComesBeforeConnectionMade() async throws {
        let (transport, receiver, peer) = try await connect { peer, _ in peer.send("early") }
        try await eventually { receiver.text == "early" }
        #expect(receiver.calls == ["made", "data"])
        transport.abort()
        withExtendedLifetime(peer) {}
    }

    @Test func aProtocolThatPausesInConnectionMadeReceivesNothing() async throws {
        let (transport, receiver, peer) = try await connect { peer, receiver in
            peer.send("early")
            receiver.onMade = { $0.pauseReading() }
        }
        try await sleep(.milliseconds(10))
        #expect(receiver.calls == ["made"])
        #expect(!transport.isReading)
        transport.resumeReading()
        try await eventually { receiver.text == "early" }
        transport.close()
        withExtendedLifetime(peer) {}
    }

    @Test func theConnectionIsMadeBeforeTheConnectReturnsAndReadsInTheSameTurn() async throws {
        let (ours, peer) = try Peer.pair()
        let receiver = RecordingProtocol()
        peer.send("early")
        let connected = createTask { try await EventLoop.running.createConnection(to: .socket(ours)) { receiver } }
        #expect(receiver.calls.isEmpty)
        let (transport, _) = try await connected.value
        #expect(receiver.calls.first == "made")
        transport.abort()
    }

    @Test func theLifeOfAProtocolIsMadeDataEndLost() async throws {
        let (_, receiver, peer) = try await connect()
        peer.send("hello")
        try await eventually { receiver.text == "hello" }
        peer.close()
        try await receiver.waitUntilLost()
        try await settle()
        #expect(receiver.calls == ["made", "data", "eof", "lost"])
        #expect(receiver.error == nil)
    }

    // MARK: Writing

    @Test func writingIsTriedAtOnceAndTheRestIsKept() async throws {
        let (transport, _, peer) = try await connect()
        try transport.write("hello")
        #expect(transport.writeBufferSize == 0)
        #expect(peer.receive() == Array("hello".utf8))
        try transport.write([])
        #expect(peer.receive() == nil)
        try transport.setWriteBufferLimits(high: 10_000_000)
        try transport.write(large)
        let kept = transport.writeBufferSize
        #expect(kept > 0 && kept < large.count)
        try transport.writeLines([[1], [2, 3]])
        #expect(transport.writeBufferSize == kept + 3)
        try transport.writeEOF()
        #expect(try await peer.receiveToEnd() == large + [1, 2, 3])
        transport.close()
    }

    @Test func whatIsKeptIsNotWhatTheArrayBecomes() async throws {
        let (transport, _, peer) = try await connect()
        var bytes = large
        try transport.write(bytes)
        for index in bytes.indices { bytes[index] = 0 }
        try transport.writeEOF()
        #expect(try await peer.receiveToEnd() == large)
        transport.close()
    }

    @Test func spansAreWritten() async throws {
        let (transport, _, peer) = try await connect()
        let bytes: [UInt8] = [1, 2, 3]
        try transport.write(bytes.span.bytes)
        #expect(peer.receive() == bytes)
        transport.close()
    }

    @Test func writingAfterTheEndOfTheHalfIsAnError() async throws {
        let (transport, _, peer) = try await connect()
        #expect(transport.canWriteEOF)
        try transport.writeEOF()
        try transport.writeEOF()
        #expect(throws: RuntimeError.self) { try transport.write("more") }
        #expect(try await peer.receiveToEnd().isEmpty)
        transport.close()
    }

    @Test func theOtherHalfGoesOnAfterWriteEOF() async throws {
        let (transport, receiver, peer) = try await connect()
        try transport.setWriteBufferLimits(high: 10_000_000)
        try transport.write(large)
        try transport.writeEOF()
        peer.send("still here")
        try await eventually { receiver.text == "still here" }
        #expect(try await peer.receiveToEnd().count == large.count)
        transport.close()
    }

    @Test func writingAfterTheLossIsIgnored() async throws {
        let (transport, receiver, peer) = try await connect()
        peer.close()
        try await receiver.waitUntilLost()
        for _ in 0..<10 { try transport.write("nobody") }
        try transport.writeEOF()
        #expect(transport.writeBufferSize == 0)
    }

    @Test func aPeerThatIsGoneIsTheErrorOfTheLoss() async throws {
        let reports = try ReportRecorder()
        let (transport, receiver, peer) = try await connect { _, receiver in receiver.staysOpen = true }
        peer.close()
        try await eventually { receiver.calls.contains("eof") }
        #expect(!transport.isClosing)
        try transport.write("into the void")
        try await receiver.waitUntilLost()
        #expect((receiver.error as? OSError)?.code == .brokenPipe)
        // asyncio logs that only in debug mode.
        #expect(reports.reports.isEmpty)
    }

    // MARK: Flow control

    @Test func theWaterMarksAreAQuarterApart() async throws {
        let (transport, _, peer) = try await connect()
        #expect(transport.writeBufferLimits == (low: 16_384, high: 65_536))
        try transport.setWriteBufferLimits(low: 100)
        #expect(transport.writeBufferLimits == (low: 100, high: 400))
        try transport.setWriteBufferLimits(high: 1000)
        #expect(transport.writeBufferLimits == (low: 250, high: 1000))
        try transport.setWriteBufferLimits()
        #expect(transport.writeBufferLimits == (low: 16_384, high: 65_536))
        #expect(throws: ValueError.self) { try transport.setWriteBufferLimits(high: 1, low: 2) }
        #expect(throws: ValueError.self) { try transport.setWriteBufferLimits(high: 1, low: -1) }
        transport.close()
        withExtendedLifetime(peer) {}
    }

    @Test func theProtocolIsPausedInsideTheWriteThatWasTooMuch() async throws {
        let (transport, receiver, peer) = try await connect()
        // Fills the system's buffers.
        try transport.setWriteBufferLimits(high: 1 << 30)
        while transport.writeBufferSize == 0 { try transport.write([UInt8](repeating: 1, count: 65_536)) }
        let kept = transport.writeBufferSize
        try transport.setWriteBufferLimits(high: kept + 10, low: kept)
        try transport.write([UInt8](repeating: 1, count: 10))
        #expect(receiver.calls == ["made"], "at the mark, and not above it")
        try transport.write([1])
        #expect(receiver.calls == ["made", "pause"])
        try transport.write([1])
        #expect(receiver.calls == ["made", "pause"], "once")
        while receiver.calls.last != "resume" {
            _ = peer.receive()
            try await sleep(.zero)
        }
        #expect(transport.writeBufferSize <= kept)
        transport.abort()
    }

    @Test func newLimitsCountAtOnce() async throws {
        let (transport, receiver, peer) = try await connect()
        try transport.setWriteBufferLimits(high: 1 << 30)
        while transport.writeBufferSize == 0 { try transport.write([UInt8](repeating: 1, count: 65_536)) }
        try transport.setWriteBufferLimits(high: 0)
        #expect(receiver.calls == ["made", "pause"])
        try transport.setWriteBufferLimits(high: 1 << 30, low: 1 << 29)
        #expect(receiver.calls == ["made", "pause", "resume"])
        transport.abort()
        withExtendedLifetime(peer) {}
    }

    @Test func whatPauseWritingThrowsIsReported() async throws {
        final class FailsToPause: ConnectionProtocol {
            func dataReceived(_ bytes: [UInt8]) {}
            func pauseWriting() throws { throw Boom(7) }
        }
        let reports = try ReportRecorder()
        let (ours, peer) = try Peer.pair()
        let (transport, _) = try await EventLoop.running.createConnection(to: .socket(ours)) { FailsToPause() }
        try transport.setWriteBufferLimits(high: 0)
        try transport.write(large)
        #expect(reports.reports.map { $0.error as? Boom } == [Boom(7)])
        #expect(!transport.isClosing)
        transport.abort()
        withExtendedLifetime(peer) {}
    }

    // MARK: Reading

    @Test func pausingAndResumingTwiceIsAsOnce() async throws {
        let (transport, receiver, peer) = try await connect()
        transport.pauseReading()
        transport.pauseReading()
        #expect(!transport.isReading)
        peer.send("later")
        try await sleep(.milliseconds(10))
        #expect(receiver.bytes.isEmpty)
        transport.resumeReading()
        transport.resumeReading()
        #expect(transport.isReading)
        try await eventually { receiver.text == "later" }
        transport.close()
        transport.pauseReading()
        transport.resumeReading()
        #expect(!transport.isReading)
    }

    @Test func pausingInTheMiddleOfWhatCameStopsThere() async throws {
        let (transport, receiver, peer) = try await connect { _, receiver in
            receiver.onData = { _ in receiver.transport?.pauseReading() }
        }
        peer.send("one")
        try await eventually { receiver.text == "one" }
        peer.send("two")
        try await sleep(.milliseconds(10))
        #expect(receiver.text == "one")
        transport.resumeReading()
        try await eventually { receiver.text == "onetwo" }
        transport.close()
    }

    @Test func aPortionHasAtMost256KiBAndOthersGetTheirTurn() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            try await writer.write([UInt8](repeating: 1, count: 4_000_000))
        }
        defer { server.close() }
        let receiver = RecordingProtocol()
        let loop = try EventLoop.running
        _ = try await loop.createConnection(host: "127.0.0.1", port: server.port) { receiver }
        try await receiver.waitUntilLost()
        #expect(receiver.bytes.count == 4_000_000)
        #expect(receiver.portions.allSatisfy { $0 <= 262_144 })
    }

    @Test func theEndClosesTheTransportUnlessTheProtocolGoesOn() async throws {
        let (transport, receiver, peer) = try await connect { _, receiver in receiver.staysOpen = true }
        peer.endWriting()
        try await eventually { receiver.calls == ["made", "eof"] }
        #expect(!transport.isClosing)
        #expect(!transport.isReading)
        try transport.write("answer")
        #expect(peer.receive() == Array("answer".utf8))
        transport.close()
        try await receiver.waitUntilLost()
        #expect(receiver.calls == ["made", "eof", "lost"])
    }

    @Test func anErrorOfDataReceivedIsFatal() async throws {
        let reports = try ReportRecorder()
        let (transport, receiver, peer) = try await connect { _, receiver in receiver.onData = { _ in throw Boom(3) } }
        peer.send("x")
        try await receiver.waitUntilLost()
        #expect(receiver.error as? Boom == Boom(3))
        #expect(reports.messages == ["Fatal error: protocol.dataReceived() call failed."])
        #expect(transport.isClosing)
    }

    @Test func anErrorOfTheSocketIsTheErrorOfTheLossAndNoReport() async throws {
        let reports = try ReportRecorder()
        let receiver = RecordingProtocol()
        let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 0) { receiver }
        defer { server.close() }
        let peer = try Peer.connected(to: server.port)
        try await eventually { receiver.calls == ["made"] }
        peer.reset()
        try await receiver.waitUntilLost()
        #expect((receiver.error as? OSError)?.code == .connectionReset)
        #expect(receiver.calls == ["made", "lost"])
        #expect(reports.reports.isEmpty)
    }

    // MARK: Buffered protocols

    private final class Buffered: BufferedProtocol {
        var memory: [UInt8] = []
        let size: Int
        var text = ""
        var calls: [String] = []
        var error: (any Error)?
        let lost = Event()
        var forgetsToLend = false

        init(size: Int) {
            self.size = size
            memory.reserveCapacity(size)
        }

        func connectionMade(_ transport: Transport) { calls.append("made") }
        func withBuffer(sizeHint: Int, _ fill: (inout OutputSpan<UInt8>) throws -> Void) throws {
            if forgetsToLend { return }
            memory.removeAll(keepingCapacity: true)
            try memory.append(addingCapacity: size, initializingWith: fill)
        }
        func bufferUpdated(_ count: Int) {
            calls.append("\(count)")
            text += String(decoding: memory[..<count], as: UTF8.self)
        }
        func eofReceived() -> Bool {
            calls.append("eof")
            return false
        }
        func connectionLost(_ error: (any Error)?) {
            calls.append("lost")
            self.error = error
            lost.set()
        }
    }

    @Test func aBufferedProtocolGetsTheBytesInItsOwnMemory() async throws {
        let (ours, peer) = try Peer.pair()
        let receiver = Buffered(size: 4)
        _ = try await EventLoop.running.createConnection(to: .socket(ours)) { receiver }
        peer.send("abcdefghij")
        try await eventually { receiver.text.count == 10 }
        peer.close()
        try await receiver.lost.wait()
        #expect(receiver.text == "abcdefghij")
        #expect(receiver.calls == ["made", "4", "4", "2", "eof", "lost"])
    }

    @Test(arguments: [false, true]) func anEmptyBufferIsFatal(forgetsToLend: Bool) async throws {
        let reports = try ReportRecorder()
        let (ours, peer) = try Peer.pair()
        let receiver = Buffered(size: 0)
        receiver.forgetsToLend = forgetsToLend
        _ = try await EventLoop.running.createConnection(to: .socket(ours)) { receiver }
        peer.send("x")
        try await withTimeout(.seconds(5)) { try await receiver.lost.wait() }
        #expect(receiver.error is RuntimeError)
        #expect(reports.messages == ["Fatal error: protocol.withBuffer() call failed."])
    }

    @Test func theProtocolCanBeChangedForOneOfAnotherKind() async throws {
        let (transport, receiver, peer) = try await connect()
        peer.send("one")
        try await eventually { receiver.text == "one" }
        let buffered = Buffered(size: 100)
        transport.protocol = buffered
        #expect(transport.protocol === buffered)
        peer.send("two")
        try await eventually { buffered.text == "two" }
        transport.protocol = receiver
        peer.send("three")
        try await eventually { receiver.text == "onethree" }
        transport.close()
    }

    // MARK: Ending

    @Test func closingSendsWhatIsKeptAndThenTells() async throws {
        let (transport, receiver, peer) = try await connect()
        try transport.setWriteBufferLimits(high: 1 << 30)
        try transport.write(large)
        transport.close()
        transport.close()
        #expect(transport.isClosing)
        peer.send("too late")
        try await settle()
        #expect(receiver.calls == ["made"])
        #expect(try await peer.receiveToEnd().count == large.count)
        try await receiver.waitUntilLost()
        #expect(receiver.calls == ["made", "lost"])
        #expect(receiver.error == nil)
        #expect(transport.descriptor == nil)
    }

    @Test func connectionLostComesInATurnOfItsOwn() async throws {
        let (transport, receiver, peer) = try await connect()
        transport.close()
        #expect(receiver.calls == ["made"])
        try await sleep(.zero)
        #expect(receiver.calls == ["made", "lost"])
        withExtendedLifetime(peer) {}
    }

    @Test func abortingDropsWhatIsKept() async throws {
        let (transport, receiver, peer) = try await connect()
        try transport.setWriteBufferLimits(high: 1 << 30)
        try transport.write(large)
        transport.abort()
        transport.abort()
        try await receiver.waitUntilLost()
        #expect(receiver.error == nil)
        #expect(try await peer.receiveToEnd().count < large.count)
        #expect(transport.writeBufferSize == 0)
    }

    @Test func aTransportThatNobodyHoldsIsReportedAndClosed() async throws {
        let reports = try ReportRecorder()
        let (ours, peer) = try Peer.pair()
        do {
            final class Silent: ConnectionProtocol {
                func dataReceived(_ bytes: [UInt8]) {}
            }
            let (transport, _) = try await EventLoop.running.createConnection(to: .socket(ours)) { Silent() }
            transport.pauseReading()
        }
        try await settle()
        #expect(reports.messages.contains { $0.contains("unclosed connection") })
        #expect(try await peer.receiveToEnd().isEmpty)
    }

    @Test func aProtocolThatHoldsNoTransportHearsOfTheEnd() async throws {
        final class Closing: ConnectionProtocol {
            var calls: [String] = []
            weak var transport: Transport?
            func connectionMade(_ transport: Transport) { self.transport = transport }
            func dataReceived(_ bytes: [UInt8]) {
                calls.append("data")
                transport?.close()
            }
            func connectionLost(_ error: (any Error)?) { calls.append("lost") }
        }
        let receiver = Closing()
        let (ours, peer) = try Peer.pair()
        _ = try await EventLoop.running.createConnection(to: .socket(ours)) { receiver }
        peer.send("x")
        try await eventually { receiver.calls == ["data", "lost"] }
        #expect(receiver.transport == nil)
    }

    // MARK: Facts

    @Test func tcpTransportsSendWithoutDelay() async throws {
        let receiver = RecordingProtocol()
        let loop = try EventLoop.running
        let server = try await loop.createServer(host: "127.0.0.1", port: 0) { receiver }
        defer { server.close() }
        let (client, _) = try await loop.createConnection(host: "127.0.0.1", port: server.port) {
            RecordingProtocol()
        }
        try await eventually { receiver.transport != nil }
        let accepted = try #require(receiver.transport)
        for transport in [client, accepted] {
            #expect(socketOption(try #require(transport.descriptor), Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
        }
        #expect(client.peerAddress == accepted.localAddress)
        #expect(client.localAddress == accepted.peerAddress)
        #expect(client.description.contains("127.0.0.1"))
        client.close()
        try await receiver.waitUntilLost()
    }

    @Test func anErrorOfTheFactoryLeavesNothingOpen() async throws {
        let (ours, peer) = try Peer.pair()
        await #expect(throws: Boom.self) {
            _ = try await EventLoop.running.createConnection(to: .socket(ours)) { () throws -> RecordingProtocol in
                throw Boom()
            }
        }
        #expect(try await peer.receiveToEnd().isEmpty)
    }

    @Test func anErrorOfAServersFactoryIsReportedAndClosesTheConnection() async throws {
        let reports = try ReportRecorder()
        let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 0) {
            () throws -> RecordingProtocol in throw Boom(5)
        }
        defer { server.close() }
        let peer = try Peer.connected(to: server.port)
        #expect(try await peer.receiveToEnd().isEmpty)
        #expect(reports.reports.map { $0.error as? Boom } == [Boom(5)])
    }
}
