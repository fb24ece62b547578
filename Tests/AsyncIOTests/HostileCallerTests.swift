import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Numbers, names, and moments that no sane caller would choose. Each gives the requested result or
/// a clear error, and never a trap.
@Suite(.eventLoop) struct HostileCallerTests {
    private static func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        for try await line in reader.lines { try await writer.write(line + "\n") }
    }

    // MARK: Huge numbers

    @Test func aStreamMayHaveNoLimit() async throws {
        let (ours, peer) = try Peer.pair()
        let (reader, writer) = try await openConnection(to: .socket(ours), options: .init(limit: .max))
        peer.send("line\nrest")
        #expect(try await reader.readLine() == Array("line\n".utf8))
        peer.endWriting()
        #expect(try await reader.read() == Array("rest".utf8))
        writer.close()
    }

    @Test func aReadMayAskForMoreThanThereCanBe() async throws {
        let (ours, peer) = try Peer.pair()
        let (reader, writer) = try await openConnection(to: .socket(ours))
        peer.send("some")
        #expect(try await reader.read(.max) == Array("some".utf8))
        peer.send("more")
        peer.endWriting()
        let error = await #expect(throws: IncompleteReadError.self) { _ = try await reader.readExactly(.max) }
        #expect(error?.partial == Array("more".utf8))
        writer.close()
    }

    @Test(.requires(.tls)) func soMayOneOverTLS() async throws {
        try await withTLSServer { port in
            let (reader, writer) = try await openConnection(
                host: "127.0.0.1", port: port, tls: clientContext(), options: .init(limit: .max))
            try await writer.write("some\nmore\n")
            #expect(try await reader.readLine() == Array("some\n".utf8))
            try await writer.write("x")
            #expect(try await reader.read(.max).isEmpty == false)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func aBacklogMayBeAnyNumber() async throws {
        for backlog in [Int.max, .min, 0] {
            let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(backlog: backlog), Self.echo)
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            try await writer.write("hi\n")
            #expect(try await reader.readLine() == Array("hi\n".utf8))
            writer.close()
            server.close()
        }
    }

    @Test func waterMarksThatCannotBeAreRefused() async throws {
        let (ours, peer) = try Peer.pair()
        let (transport, _) = try await EventLoop.running.createConnection(to: .socket(ours)) { RecordingProtocol() }
        #expect(throws: ValueError.self) { try transport.setWriteBufferLimits(low: .min) }
        #expect(throws: ValueError.self) { try transport.setWriteBufferLimits(high: .min) }
        try transport.setWriteBufferLimits(low: .max)
        #expect(transport.writeBufferLimits == (.max, .max))
        transport.abort()
        let (datagrams, _) = try await EventLoop.running.createDatagramEndpoint(family: .ipv4) { Silent() }
        #expect(throws: ValueError.self) { try datagrams.setWriteBufferLimits(low: .min) }
        try datagrams.setWriteBufferLimits(low: .max)
        datagrams.close()
        withExtendedLifetime(peer) {}
    }

    @Test func aDescriptorThatCannotBeIsRefusedWithoutAThought() async throws {
        let loop = try EventLoop.running
        let before = Process.residentMemory
        for descriptor: Int32 in [.max, 1 << 30, 1 << 24] {
            let error = #expect(throws: OSError.self) { try loop.addReader(descriptor) {} }
            #expect(error?.code == .badFileDescriptor)
            await #expect(throws: OSError.self) { _ = try await loop.sockRecv(descriptor, 1) }
        }
        #expect(Process.residentMemory - before < 32 << 20)
    }

    @Test func aSemaphoreCannotOverflow() throws {
        let semaphore = Semaphore(.max)
        #expect(throws: ValueError.self) { try semaphore.release() }
        #expect(semaphore.value == .max)
    }

    // MARK: Extreme times

    @Test func aTimeLongPastIsNow() async throws {
        let loop = try EventLoop.running
        let past = Duration.seconds(Int64.min)
        var fired: [Int] = []
        try loop.callLater(past) { fired.append(1) }
        try loop.callAt(loop.now.advanced(by: .seconds(-1_000_000_000_000))) { fired.append(2) }
        try await sleep(.milliseconds(1))
        #expect(fired.sorted() == [1, 2])
        try await sleep(past)
        try await sleep(until: loop.now.advanced(by: .seconds(-1_000_000_000_000)))
        try await Task.sleep(until: .now.advanced(by: .seconds(-1_000_000_000_000)), clock: .continuous)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(past) { try await sleep(.seconds(60)) }
        }
        await #expect(throws: TimeoutError.self) {
            try await waitFor(timeout: past) { try await sleep(.seconds(60)) }
        }
    }

    @Test func aTimeBeyondAllTimesIsNever() async throws {
        let loop = try EventLoop.running
        for far in [Duration.seconds(Int64.max), .seconds(Int64.max / 2), .seconds(300_000_000_000)] {
            let timer = try loop.callLater(far) { Issue.record("the timer fired") }
            let sleeping = createTask { try await sleep(far) }
            let plain = Task { try await Task.sleep(for: far) }
            try await withTimeout(far) { try await sleep(.milliseconds(1)) }
            timer.cancel()
            sleeping.cancel()
            plain.cancel()
            _ = await plain.result
            await #expect(throws: CancellationError.self) { try await sleeping.value }
        }
    }

    @Test func theSameInVirtualTime() throws {
        try withVirtualTimeLoop { loop in
            try loop.runUntilComplete {
                let loop = try EventLoop.running
                let past = Duration.seconds(-1_000_000_000_000)
                var fired = 0
                try loop.callLater(.seconds(Int64.min)) { fired += 1 }
                try loop.callAt(loop.now.advanced(by: past)) { fired += 1 }
                try await sleep(.seconds(1))
                #expect(fired == 2)
                try await Task.sleep(until: .now.advanced(by: past), clock: .continuous)
                try await Task.sleep(until: .now.advanced(by: past), clock: .suspending)
                let far = Task { try await Task.sleep(for: .seconds(Int64.max)) }
                try await sleep(.seconds(3_600))
                far.cancel()
                _ = await far.result
            }
        }
    }

    @Test func aBackoffMayHaveAnyFactorAndJitter() async throws {
        var generator = SystemRandomNumberGenerator()
        for (factor, jitter) in [
            (Double.infinity, 0.5), (.nan, .nan), (1e300, 1e300), (-2, -1), (0, .infinity), (-.infinity, 0),
        ] {
            let backoff = Backoff(factor: factor, maximum: .seconds(60), jitter: jitter)
            for number in [Int.min, 0, 1, 2, 3, 400] {
                let delay = backoff.delay(afterFailure: number, using: &generator)
                #expect(delay <= .seconds(60))
            }
        }
        let endless = Backoff(initial: .seconds(Int64.max), factor: 1e10, maximum: .seconds(Int64.max))
        #expect(endless.delay(afterFailure: .max, using: &generator) == .seconds(Int64.max))
    }

    // MARK: Names

    @Test func aHostThatIsNoneIsAClearError() async throws {
        let loop = try EventLoop.running
        for host in ["127.0.0.1\0.example.com", "\0", "a\0b"] {
            await #expect(throws: ValueError.self) { _ = try await openConnection(host: host, port: 80) }
            await #expect(throws: ValueError.self) { _ = try await loop.getAddrInfo(host: host) }
            await #expect(throws: ValueError.self) { _ = try await startServer(host: host, port: 0, Self.echo) }
            #expect(throws: ValueError.self) { try Endpoint(host: host, port: 80) }
        }
        await #expect(throws: ValueError.self) { _ = try await openConnection(host: "", port: 80) }
        await #expect(throws: ValueError.self) {
            _ = try await loop.createConnection(host: "", port: 80) { RecordingProtocol() }
        }
        for host in ["a b", String(repeating: "x", count: 5_000), "..", "%", "::1%"] {
            await #expect(throws: ResolveError.self) { _ = try await openConnection(host: host, port: 80) }
        }
        await #expect(throws: ValueError.self) { _ = try await loop.getAddrInfo(host: nil, service: "ht\0tp") }
        for service in ["65536", "70000", "99999999999999999999"] {
            await #expect(throws: ValueError.self) { _ = try await loop.getAddrInfo(host: nil, service: service) }
        }
    }

    @Test(.requires(.tls)) func aZeroInANameOfTLSIsAClearError() throws {
        let server = try serverContext()
        #expect(throws: (any Error).self) { try server.setCiphers("DEFAULT\0x") }
        #expect(throws: (any Error).self) { try server.trust(file: Certificates.authority.certificate + "\0x") }
        #expect(throws: (any Error).self) { try server.trust(directory: "/tmp\0x") }
        #expect(throws: (any Error).self) {
            try TLSContext.server(certificate: Certificates.localhost.certificate + "\0x")
        }
    }

    @Test func portsAreChecked() async throws {
        let loop = try EventLoop.running
        for port in [70_000, -1, .max, .min] {
            await #expect(throws: ValueError.self) { _ = try await openConnection(host: "127.0.0.1", port: port) }
            await #expect(throws: ValueError.self) { _ = try await openConnection(host: "localhost", port: port) }
            await #expect(throws: ValueError.self) { _ = try await startServer(host: nil, port: port, Self.echo) }
            #expect(throws: ValueError.self) { try Endpoint(host: "::1", port: port) }
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            defer { close(socket) }
            await #expect(throws: ValueError.self) { try await loop.sockConnect(socket, host: "localhost", port: port) }
        }
    }

    // MARK: Using one descriptor twice

    @Test func aDescriptorThatIsInUseIsRefusedAndStaysItsOwners() async throws {
        let loop = try EventLoop.running
        let (ours, peer) = try Peer.pair()
        let (reader, writer) = try await openConnection(to: .socket(ours))
        await #expect(throws: RuntimeError.self) { _ = try await openConnection(to: .socket(ours)) }
        await #expect(throws: RuntimeError.self) {
            _ = try await loop.createConnection(to: .socket(ours)) { RecordingProtocol() }
        }
        await #expect(throws: RuntimeError.self) {
            _ = try await loop.connectAcceptedSocket(ours) { RecordingProtocol() }
        }
        await #expect(throws: RuntimeError.self) { _ = try await loop.connectReadPipe(ours) { RecordingProtocol() } }
        await #expect(throws: RuntimeError.self) { _ = try await startServer(on: .sockets([ours]), Self.echo) }
        // The first one is not affected.
        let reading = createTask { try await reader.readLine() }
        try await sleep(.zero)
        peer.send("still here\n")
        #expect(try await reading.value == Array("still here\n".utf8))
        writer.close()
        try await writer.waitClosed()
        #expect(fcntl(ours, F_GETFD) == -1)
    }

    @Test func aDescriptorWithAReaderIsRefused() async throws {
        let loop = try EventLoop.running
        let (ours, peer) = try Peer.pair()
        defer { close(ours) }
        var calls = 0
        try loop.addReader(ours) {
            calls += 1
            try loop.removeReader(ours)
        }
        let error = await #expect(throws: RuntimeError.self) { _ = try await openConnection(to: .socket(ours)) }
        #expect(error?.message.contains("removeReader") == true)
        peer.send("x")
        try await eventually { calls == 1 }
    }

    @Test func aServersDescriptorsAreTakenAllOrNone() async throws {
        let first = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false), Self.echo)
        let copy = dup(try #require(first.sockets.first))
        first.close()
        defer { close(copy) }
        await #expect(throws: ValueError.self) { _ = try await startServer(on: .sockets([copy, copy]), Self.echo) }
        await #expect(throws: ValueError.self) { _ = try await startServer(on: .sockets([copy, -1]), Self.echo) }
        #expect(fcntl(copy, F_GETFD) != -1)
    }

    @Test func aServerThatCannotListenLeavesNothingBehind() async throws {
        let (ours, peer) = try Peer.pair()
        // The socket is connected, so one cannot listen on it.
        let listening = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(startServing: false), Self.echo)
        let copy = dup(try #require(listening.sockets.first))
        let port = listening.port
        listening.close()
        let server = try await startServer(on: .sockets([copy, ours]), options: .init(startServing: false), Self.echo)
        let loop = try EventLoop.running
        #expect(throws: OSError.self) { try server.startServing() }
        #expect(!server.isServing)
        // A client that connects anyway does not keep the loop busy.
        let client = try Peer.connected(to: port)
        try await sleep(.milliseconds(20))
        let turns = loop.turns
        try await sleep(.milliseconds(50))
        #expect(loop.turns - turns < 20)
        server.close()
        withExtendedLifetime((peer, client)) {}
    }

    // MARK: Inspection

    @Test func aChainOfThousandsOfTasksIsToldInPart() async throws {
        let end = Future<Void>()
        var tasks = [createTask { try await end.value }]
        for _ in 0..<2_000 {
            let last = tasks[tasks.count - 1]
            tasks.append(createTask { try await last.value })
        }
        try await settle()
        let graph = try #require(try captureCallGraph(end, limit: 0))
        var depth = 0
        var next: FutureCallGraph? = graph
        while let here = next {
            depth += 1
            next = here.awaitedBy.first
        }
        #expect((50...200).contains(depth))
        #expect(try formatCallGraph(end, limit: 0).split(separator: "\n").count < 1_000)
        // All of them are listed, and none is indented far to the right.
        let tree = try formatTaskTree().split(separator: "\n")
        #expect(tree.count > 2_000)
        #expect(tree.allSatisfy { $0.count < 2_000 })
        #expect(try EventLoop.running.deadlocks().isEmpty)
        end.cancel()
        _ = try await wait(tasks)
    }

    @Test func aLimitOfFramesMayBeAnyNumber() async throws {
        let task = sleeper()
        try await settle()
        for limit in [Int.min, -1, 0, 1, .max] { #expect(try formatCallGraph(task, limit: limit).contains("Task")) }
        task.cancel()
    }

    // MARK: Calls at the wrong moment

    @Test func aHandlerThatShutsItsServerDownIsTold() async throws {
        let told = Future<any Error>()
        var server: Server?
        server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in
            do {
                try await server?.shutdown(within: .seconds(3_600))
            } catch {
                try told.setResult(error)
            }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: try #require(server?.port))
        let error = try await withTimeout(.seconds(5)) { try await told.value }
        #expect((error as? RuntimeError)?.message.contains("handler") == true)
        #expect(server?.isServing == true)
        #expect(try await reader.read() == [])
        writer.close()
        server?.close()
    }

    @Test func aHandlerMayCloseItsServer() async throws {
        var server: Server?
        server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            server?.close()
            try await writer.write("bye")
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: try #require(server?.port))
        #expect(try await reader.read() == Array("bye".utf8))
        writer.close()
        try await server?.waitClosed()
    }

    @Test(.requires(.tls)) func theOldTransportIsOfNoUseAfterStartTLS() async throws {
        let loop = try EventLoop.running
        let (ours, peer) = try Peer.pair()
        let (old, _) = try await loop.createConnection(to: .socket(ours)) { RecordingProtocol() }
        let context = try clientContext()
        let starting = createTask {
            _ = try await loop.startTLS(old, RecordingProtocol(), context, serverHostname: "localhost")
        }
        try await sleep(.milliseconds(5))
        // This would be plain text in the middle of TLS.
        #expect(throws: RuntimeError.self) { try old.write("the password") }
        #expect(throws: RuntimeError.self) { try old.writeEOF() }
        await #expect(throws: (any Error).self) {
            _ = try await loop.startTLS(old, RecordingProtocol(), context, serverHostname: "localhost")
        }
        let sent = peer.receive() ?? []
        #expect(!String(decoding: sent, as: UTF8.self).contains("the password"))
        starting.cancel()
        await #expect(throws: CancellationError.self) { try await starting.value }
    }

    @Test func aBufferThatIsLentTwiceIsFatal() async throws {
        let (ours, peer) = try Peer.pair()
        let receiver = Generous()
        let reports = try ReportRecorder()
        peer.send("lost?")
        _ = try await EventLoop.running.createConnection(to: .socket(ours)) { receiver }
        let error = try await withTimeout(.seconds(5)) { try await receiver.lost.value }
        #expect((error as? RuntimeError)?.message.contains("twice") == true)
        #expect(reports.messages == ["Fatal error: protocol.withBuffer() call failed."])
    }

    @Test func transportsThatCloseInsideEveryCallEndOnce() async throws {
        for place in ["made", "data", "eof", "pause", "resume"] {
            for abrupt in [false, true] {
                let (ours, peer) = try Peer.pair()
                Peer.shrinkBuffers(ours)
                let receiver = Suicidal(at: place, abrupt: abrupt)
                let (transport, _) = try await EventLoop.running.createConnection(to: .socket(ours)) { receiver }
                peer.send("x")
                if place == "eof" { peer.endWriting() }
                if place == "pause" || place == "resume" {
                    try transport.write([UInt8](repeating: 0, count: 1_000_000))
                    let drained = createTask { while peer.receive() != [] { try await sleep(.zero) } }
                    try await withTimeout(.seconds(5)) { try await receiver.lost.wait() }
                    drained.cancel()
                } else {
                    try await withTimeout(.seconds(5)) { try await receiver.lost.wait() }
                }
                try await settle()
                #expect(receiver.losses == 1, "\(place), \(abrupt)")
                #expect(fcntl(ours, F_GETFD) == -1)
            }
        }
    }
}

/// Objects that outlive their loop.
@Suite struct AfterTheLoopTests {
    @Test func aWriterThatIsClosedAfterItsLoopIsGone() throws {
        let before = Process.descriptors
        var streams: (StreamReader, StreamWriter)?
        let (ours, peer) = try Peer.pair()
        try withLoop { loop in
            try loop.runUntilComplete { streams = try await openConnection(to: .socket(ours)) }
        }
        streams?.1.close()
        #expect(peer.receive() == [])
        #expect(fcntl(ours, F_GETFD) == -1)
        streams = nil
        peer.close()
        #expect(Process.opened(since: before) == [])
    }

    @Test(.requires(.tls)) func aStreamOverTLSThatIsClosedAfterItsLoopIsGone() throws {
        weak var witness: StreamWriter?
        var client: Int32 = -1
        try withLoop { loop in
            var streams: (StreamReader, StreamWriter)?
            try loop.runUntilComplete {
                try await withTLSServer { port in
                    streams = try await openConnection(host: "127.0.0.1", port: port, tls: clientContext())
                    client = streams?.1.descriptor ?? -1
                }
            }
            try loop.close()
            streams?.1.close()
            #expect(streams?.1.isClosing == true)
            witness = streams?.1
        }
        #expect(witness == nil)
        #expect(client >= 0 && fcntl(client, F_GETFD) == -1)
    }

    @Test func aStreamThatATaskLeftBehindReadsMayBeClosed() throws {
        var streams: (StreamReader, StreamWriter)?
        let (ours, peer) = try Peer.pair()
        try withLoop { loop in
            try loop.runUntilComplete {
                let (reader, writer) = try await openConnection(to: .socket(ours))
                streams = (reader, writer)
                createTask { _ = try await reader.read(1) }
                createTask { try await writer.waitClosed() }
                createTask { try await writer.write([UInt8](repeating: 0, count: 4_000_000)) }
                try await sleep(.milliseconds(1))
            }
        }
        // Outside any loop, where no one could be woken.
        atTopLevel { streams?.1.close() }
        #expect(fcntl(ours, F_GETFD) == -1)
        withExtendedLifetime(peer) {}
    }

    @Test func aStreamOfAnotherLoopIsAClearError() throws {
        var streams: (StreamReader, StreamWriter)?
        let (ours, peer) = try Peer.pair()
        try withLoop { loop in
            try loop.runUntilComplete { streams = try await openConnection(to: .socket(ours)) }
        }
        try withLoop { loop in
            try loop.runUntilComplete {
                let (reader, writer) = try #require(streams)
                await #expect(throws: RuntimeError.self) {
                    try await withTimeout(.seconds(2)) { _ = try await reader.read(1) }
                }
                writer.close()
            }
        }
        withExtendedLifetime(peer) {}
    }

    @Test func aProcessThatSomebodyHoldsIsKilledWithItsLoop() async throws {
        var process: AsyncSubprocess?
        try withLoop { loop in
            try loop.runUntilComplete { process = try await createSubprocess("sleep", arguments: ["60"]) }
        }
        let pid = try #require(process?.pid)
        #expect(!Process.isRunning(pid))
        process = nil
    }

    @Test func whatWasSubmittedToALoopThatIsClosedEndsWithAnError() throws {
        var futures: [ConcurrentFuture<Int>] = []
        try withLoop { loop in
            // One never starts, and one never ends.
            futures.append(loop.submit { 1 })
            try loop.runUntilComplete {}
            futures.append(
                loop.submit {
                    try await sleep(.seconds(3_600))
                    return 1
                })
            try loop.runUntilComplete { try await sleep(.milliseconds(1)) }
            futures.append(loop.submit { 1 })
        }
        try atTopLevel { () throws in
            #expect(try futures[0].wait(timeout: .seconds(1)) == 1)
            for future in futures[1...] {
                let error = #expect(throws: RuntimeError.self) { _ = try future.wait(timeout: .seconds(1)) }
                #expect(error?.message == "Event loop is closed")
            }
        }
    }
}

private final class Silent: DatagramProtocol {
    func datagramReceived(_ bytes: [UInt8], from address: Endpoint) {}
}

/// Lends its memory twice.
private final class Generous: BufferedProtocol {
    private var memory: [UInt8] = []
    let lost = Future<(any Error)?>()

    func withBuffer(sizeHint: Int, _ fill: (inout OutputSpan<UInt8>) throws -> Void) throws {
        try memory.append(addingCapacity: 64, initializingWith: fill)
        try memory.append(addingCapacity: 64, initializingWith: fill)
    }
    func bufferUpdated(_ count: Int) {}
    func connectionLost(_ error: (any Error)?) throws { try lost.setResult(error) }
}

/// Closes its transport inside one of its calls.
private final class Suicidal: ConnectionProtocol {
    private let place: String
    private let abrupt: Bool
    private var transport: Transport?
    private(set) var losses = 0
    let lost = Event()

    init(at place: String, abrupt: Bool) {
        self.place = place
        self.abrupt = abrupt
    }

    private func end(_ place: String) {
        guard place == self.place else { return }
        if abrupt { transport?.abort() } else { transport?.close() }
        // Once more, because it makes no difference now.
        transport?.close()
        transport?.abort()
        try? transport?.write("too late")
        transport?.pauseReading()
        transport?.resumeReading()
    }

    func connectionMade(_ transport: Transport) {
        self.transport = transport
        end("made")
    }
    func dataReceived(_ bytes: [UInt8]) { end("data") }
    func eofReceived() -> Bool {
        end("eof")
        return true
    }
    func pauseWriting() { end("pause") }
    func resumeWriting() { end("resume") }
    func connectionLost(_ error: (any Error)?) {
        losses += 1
        lost.set()
        transport = nil
    }
}
