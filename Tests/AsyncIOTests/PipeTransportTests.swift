import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Transports over one end of a pipe, and over terminals.
@Suite(.eventLoop) struct PipeTransportTests {
    /// The library's end of a pipe, and the other end.
    private func pipe(reading: Bool) throws -> (ours: Int32, peer: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw POSIXError() }
        return reading ? (ends[0], ends[1]) : (ends[1], ends[0])
    }

    @Test func aReadPipeReceivesAndEndsWhateverTheProtocolSays() async throws {
        let (ours, peer) = try pipe(reading: true)
        let receiver = RecordingProtocol()
        receiver.staysOpen = true
        let (transport, _) = try await EventLoop.running.connectReadPipe(ours) { receiver }
        #expect(transport.descriptor == ours)
        _ = write(peer, "hello", 5)
        try await eventually { receiver.text == "hello" }
        close(peer)
        try await receiver.waitUntilLost()
        #expect(receiver.calls == ["made", "data", "eof", "lost"])
        #expect(receiver.error == nil)
        #expect(fcntl(ours, F_GETFD) == -1)
    }

    @Test func aRegularFileIsNoPipeAndStaysTheCallers() async throws {
        let file = open("/etc/passwd", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let loop = try EventLoop.running
        await #expect(throws: ValueError.self) { _ = try await loop.connectReadPipe(file) { RecordingProtocol() } }
        await #expect(throws: ValueError.self) { _ = try await loop.connectWritePipe(file) { RecordingProtocol() } }
        #expect(fcntl(file, F_GETFD) != -1)
    }

    @Test func aWritePipeSendsAndEndsInOrder() async throws {
        let (ours, peer) = try pipe(reading: false)
        let other = Peer(owning: peer)
        let receiver = RecordingProtocol()
        let (transport, _) = try await EventLoop.running.connectWritePipe(ours) { receiver }
        #expect(transport.canWriteEOF)
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        try transport.write(bytes)
        #expect(transport.writeBufferSize > 0)
        // Half-closing a pipe closes it.
        try transport.writeEOF()
        var received: [UInt8] = []
        while received.count < bytes.count {
            var part = [UInt8](repeating: 0, count: 65_536)
            let count = read(other.descriptor, &part, part.count)
            if count > 0 { received += part[..<count] } else { try await sleep(.zero) }
        }
        #expect(received == bytes)
        try await receiver.waitUntilLost()
        #expect(receiver.error == nil)
        var byte: UInt8 = 0
        #expect(read(other.descriptor, &byte, 1) == 0)
    }

    @Test func aWritePipeNoticesThatNobodyReadsAnyMore() async throws {
        let (ours, peer) = try pipe(reading: false)
        let receiver = RecordingProtocol()
        let (transport, _) = try await EventLoop.running.connectWritePipe(ours) { receiver }
        close(peer)
        try await receiver.waitUntilLost()
        #expect(receiver.error == nil)
        #expect(transport.isClosing)
    }

    @Test func aWritePipeWithBytesLeftEndsWithAnError() async throws {
        let reports = try ReportRecorder()
        let (ours, peer) = try pipe(reading: false)
        let receiver = RecordingProtocol()
        let (transport, _) = try await EventLoop.running.connectWritePipe(ours) { receiver }
        try transport.write([UInt8](repeating: 1, count: 300_000))
        #expect(transport.writeBufferSize > 0)
        close(peer)
        try await receiver.waitUntilLost()
        #expect((receiver.error as? OSError)?.code == .brokenPipe)
        #expect(reports.reports.isEmpty)
    }

    @Test func writingToABrokenPipeSendsNoSignal() async throws {
        // A signal would end the process: nothing ignores SIGPIPE here.
        signal(SIGPIPE, SIG_DFL)
        let (ours, peer) = try pipe(reading: false)
        let receiver = RecordingProtocol()
        let (transport, _) = try await EventLoop.running.connectWritePipe(ours) { receiver }
        close(peer)
        try transport.write("x")
        try await receiver.waitUntilLost()
        #expect((receiver.error as? OSError)?.code == .brokenPipe)
    }

    @Test func aTerminalIsReadAndItsEndIsAnErrorWithoutAReport() async throws {
        let reports = try ReportRecorder()
        let (master, slave) = try openTerminal()
        let receiver = RecordingProtocol()
        _ = try await EventLoop.running.connectReadPipe(master) { receiver }
        _ = write(slave, "hi", 2)
        try await eventually { receiver.text == "hi" }
        close(slave)
        try await receiver.waitUntilLost()
        #expect((receiver.error as? OSError)?.code == .ioError)
        #expect(reports.reports.isEmpty)
    }

    @Test func aTerminalsLinesAllCome() async throws {
        // A terminal returns one line for each read, and no edge for further lines.
        let (master, slave) = try openTerminal()
        defer { close(master) }
        _ = write(master, "one\ntwo\nthree\n", 14)
        let receiver = RecordingProtocol()
        let (transport, _) = try await EventLoop.running.connectReadPipe(slave) { receiver }
        try await eventually { receiver.text == "one\ntwo\nthree\n" }
        transport.close()
        try await receiver.waitUntilLost()
    }

    @Test func socketsArePipesToo() async throws {
        let (ours, peer) = try Peer.pair()
        let receiver = RecordingProtocol()
        let (transport, _) = try await EventLoop.running.connectWritePipe(ours) { receiver }
        try transport.write("there")
        #expect(peer.receive() == Array("there".utf8))
        peer.close()
        try await receiver.waitUntilLost()
    }
}
