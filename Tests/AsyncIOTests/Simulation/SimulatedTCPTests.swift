import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

@Suite("TCP in a simulated network", .simulation) struct SimulatedTCPTests {
    /// Starts a host that answers each line with the same line.
    private func echo(_ net: Network, _ name: String = "server", port: Int = 7) throws -> Host {
        try net.host(name) {
            let server = try await startServer(port: port) { reader, writer in
                for try await line in reader.lines { try await writer.write(line + "\n") }
            }
            try await server.serveForever()
        }
    }

    /// Starts an echo server, and connects to it.
    private func connectToEcho(_ net: Network) async throws -> (
        server: Host, reader: StreamReader, writer: StreamWriter
    ) {
        let server = try echo(net)
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        try await writer.write("a\n")
        #expect(try await reader.readTextLine() == "a")
        return (server, reader, writer)
    }

    @Test("a client reaches a server by its name, after the latency of the link") func reachesByName() async throws {
        let net = try Network.current
        let server = try echo(net)
        net.links.latency = .milliseconds(10)...(.milliseconds(10))
        try await settled()
        let start = ContinuousClock.now
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        #expect(writer.peerAddress?.description == "\(server.address):7")
        try await writer.write("hello\n")
        #expect(try await reader.readTextLine() == "hello")
        // Two messages for the handshake, two for the echo, and the lookup of the name.
        #expect((.milliseconds(40)...(.milliseconds(41))).contains(start.duration(to: .now)))
        writer.close()
        try await writer.waitClosed()
    }

    @Test("a port without a listener refuses the connection") func refuses() async throws {
        let net = try Network.current
        try net.host("server") { try await sleep(.seconds(1)) }
        let error = await #expect(throws: OSError.self) { _ = try await openConnection(host: "server", port: 7) }
        #expect(error?.code == .connectionRefused)
    }

    @Test("a host without power makes connecting time out after two minutes, as on Linux") func timesOut() async throws
    {
        let net = try Network.current
        let server = try echo(net)
        try await net.crash(server, by: .powerFailure)
        let start = ContinuousClock.now
        let error = await #expect(throws: OSError.self) { _ = try await openConnection(host: "server", port: 7) }
        #expect(error?.code == .timedOut)
        #expect(start.duration(to: .now) > .seconds(120))
    }

    @Test("an unknown name is an error, and so is a name whose lookup fails") func lookupsFail() async throws {
        let net = try Network.current
        _ = try echo(net)
        try await settled()
        await #expect(throws: ResolveError.self) { _ = try await openConnection(host: "nowhere", port: 7) }
        net.setLookup(of: "server", fails: true)
        await #expect(throws: ResolveError.self) { _ = try await openConnection(host: "server", port: 7) }
        net.setLookup(of: "server", fails: false)
        let (_, writer) = try await openConnection(host: "server", port: 7)
        writer.close()
    }

    @Test("a program that is killed resets its connections") func killResets() async throws {
        let net = try Network.current
        let (server, reader, writer) = try await connectToEcho(net)
        try await net.crash(server)
        let error = await #expect(throws: OSError.self) { try await reader.readLine() }
        #expect(error?.code == .connectionReset)
        writer.close()
    }

    @Test("a power failure is silent until something is sent, and gives up after a quarter of an hour")
    func powerFailureIsSilent() async throws {
        let net = try Network.current
        let (server, reader, writer) = try await connectToEcho(net)
        try await net.crash(server, by: .powerFailure)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(36_000)) { try await reader.readLine() }
        }
        try await writer.write("b\n")
        let start = ContinuousClock.now
        let error = await #expect(throws: OSError.self) { try await reader.readLine() }
        #expect(error?.code == .timedOut)
        #expect((.seconds(800)...(.seconds(1_800))).contains(start.duration(to: .now)))
        writer.close()
    }

    @Test(
        "a server that keeps connections alive notices a power failure after two hours and nine probes",
        arguments: [true, false])
    func keepAlive(isOn: Bool) async throws {
        let net = try Network.current
        let end = Future<(error: OSError?, time: Duration)>()
        let start = ContinuousClock.now
        let server = try await startServer(port: 7, options: .init(keepAlive: isOn)) { reader, _ in
            do { _ = try await reader.read() } catch {
                try end.setResult((error as? OSError, ContinuousClock.now - start))
            }
        }
        let client = try net.host("client") {
            let (reader, writer) = try await openConnection(host: "test", port: 7)
            _ = try await reader.read()
            writer.close()
        }
        // The idle client answers the first probe.
        try await sleep(.seconds(3 * 3600))
        #expect(!end.isDone)
        try await net.crash(client, by: .powerFailure)
        if isOn {
            let (error, time) = try await end.value
            #expect(error?.code == .timedOut)
            // Two hours after the answer to the first probe, which was sent after two hours.
            #expect((.seconds(4 * 3600 + 675)...(.seconds(4 * 3600 + 751))).contains(time), "\(time)")
        } else {
            try await sleep(.seconds(15 * 3600))
            #expect(!end.isDone)
        }
        try await server.shutdown(within: .zero)
    }

    @Test("a host that was started again resets a connection from before") func restartResets() async throws {
        let net = try Network.current
        let (server, reader, writer) = try await connectToEcho(net)
        try await net.crash(server, by: .powerFailure)
        try await net.restart(server)
        try await writer.write("b\n")
        let error = await #expect(throws: OSError.self) { try await reader.readLine() }
        #expect(error?.code == .connectionReset)
        writer.close()
    }

    @Test("one half can end while the other continues") func halfClose() async throws {
        let net = try Network.current
        try net.host("server") {
            let server = try await startServer(port: 7) { reader, writer in
                let text = try await reader.readText()
                try await writer.write("\(text.count)")
            }
            try await server.serveForever()
        }
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        try await writer.write("12345")
        try writer.writeEOF()
        #expect(try await reader.readText() == "5")
        writer.close()
    }

    @Test("a writer waits for a reader that is slow") func backPressure() async throws {
        let net = try Network.current
        let start = Event()
        let server = try await startServer(host: "localhost", port: 7) { reader, writer in
            try await start.wait()
            let count = try await reader.readToEnd().count
            try await writer.write("\(count)\n")
        }
        let (reader, writer) = try await openConnection(host: "localhost", port: 7)
        let writing = createTask { try await writer.write([UInt8](repeating: 1, count: 1 << 20)) }
        try await sleep(.seconds(60))
        #expect(!writing.isDone)
        start.set()
        try await writing.value
        try writer.writeEOF()
        #expect(try await reader.readTextLine() == "1048576")
        writer.close()
        server.close()
        try await server.waitClosed()
        try await sleep(.seconds(1))
        net.assertNoLeaks()
    }

    @Test("bytes arrive in order whatever the link does", .simulation(seeds: 20)) func inOrder() async throws {
        let net = try Network.current
        _ = try echo(net)
        net.links.latency = .zero...(.seconds(1))
        net.links.distribution = .longTail
        net.links.loss = 0.2
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        for number in 0..<50 { try await writer.write("\(number)\n") }
        for number in 0..<50 { #expect(try await reader.readTextLine() == "\(number)") }
        writer.close()
        try await writer.waitClosed()
    }

    @Test("what a program has written arrives even if it closes and forgets the connection", arguments: [1, 4_000_000])
    func forgottenConnections(count: Int) async throws {
        let net = try Network.current
        try net.host("server") {
            let server = try await startServer(port: 7) { _, writer in
                try await writer.write([UInt8](repeating: 1, count: count))
            }
            try await server.serveForever()
        }
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        #expect(try await reader.read().count == count)
        writer.close()
    }

    @Test("a connection that is dropped ends like one that is closed") func droppedConnections() async throws {
        let reports = try ReportRecorder()
        let net = try Network.current
        let ends = Queue<String>()
        try net.host("server") {
            let server = try await startServer(port: 7) { reader, _ in
                do { try ends.putNoWait("\(try await reader.read().count) bytes") } catch {
                    try ends.putNoWait("\(error)")
                }
            }
            try await server.serveForever()
        }
        try await settled()
        do {
            let (_, writer) = try await openConnection(host: "server", port: 7)
            try await writer.write("hello")
        }
        #expect(try await ends.get() == "5 bytes")
        #expect(reports.messages == ["unclosed connection; call close() on its writer"])
    }

    @Test("a dual-stack server has one port for both families, and frees both") func dualStack() async throws {
        let options = Server.Options(dualStack: true)
        for _ in 0..<2 {
            let server = try await startServer(port: 7, options: options) { _, writer in try await writer.write("hi") }
            #expect(server.addresses.count == 1)
            for host in ["127.0.0.1", "::1"] {
                let (reader, writer) = try await openConnection(host: host, port: 7)
                #expect(try await reader.readText() == "hi")
                writer.close()
            }
            let error = await #expect(throws: OSError.self) {
                _ = try await startServer(host: "0.0.0.0", port: 7) { _, _ in }
            }
            #expect(error?.code == .addressInUse)
            try await server.shutdown(within: .seconds(1))
        }
    }

    @Test("bandwidth limits how fast bytes arrive") func bandwidth() async throws {
        let net = try Network.current
        let server = try echo(net)
        try net.link(net.host(named: "test"), server).bandwidth = 1000
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        let start = ContinuousClock.now
        try await writer.write(String(repeating: "x", count: 9_999) + "\n")
        _ = try await reader.readLine()
        // Ten seconds in each direction.
        #expect((.seconds(20)...(.seconds(21))).contains(start.duration(to: .now)))
        writer.close()
    }

    @Test("a partition delays what is sent, and a one-way partition only one direction") func partitions() async throws
    {
        let net = try Network.current
        let server = try echo(net)
        let me = try net.host(named: "test")
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        try await net.partition([server], from: [me], isOneWay: true)
        try await writer.write("a\n")
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(10)) { try await reader.readLine() }
        }
        #expect(net.events.contains { $0.kind == .receives && $0.host == "server" })
        net.heal()
        #expect(try await reader.readTextLine() == "a")
        try await writer.write("b\n")
        try await net.partition([server], from: [me], for: .seconds(30))
        #expect(try await reader.readTextLine() == "b")
        writer.close()
    }

    @Test("a link can hold messages and release them") func holds() async throws {
        let net = try Network.current
        let server = try echo(net)
        try await settled()
        let (reader, writer) = try await openConnection(host: "server", port: 7)
        let link = try net.link(server, net.host(named: "test"))
        link.hold()
        try await writer.write("a\nb\n")
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(100)) { try await reader.readLine() }
        }
        link.release()
        #expect(try await reader.readTextLine() == "a")
        #expect(try await reader.readTextLine() == "b")
        writer.close()
    }

    @Test("a full queue of connections delays a client, which tries again") func backlogIsFull() async throws {
        let options = Server.Options(backlog: 1, startServing: false)
        let server = try await startServer(host: "localhost", port: 7, options: options) { _, writer in
            try await writer.write("hi")
        }
        await #expect(throws: OSError.self) { _ = try await openConnection(host: "localhost", port: 7) }
        try server.startServing()
        let (reader, writer) = try await openConnection(host: "localhost", port: 7)
        #expect(try await reader.readText() == "hi")
        writer.close()
        server.close()
    }

    @Test("the first address that answers wins, as with Happy Eyeballs") func happyEyeballs() async throws {
        let net = try Network.current
        // It listens on IPv4 only, and its IPv6 address does not answer.
        let server = try net.host("server", families: [.ipv4, .ipv6]) {
            let server = try await startServer(host: "0.0.0.0", port: 7) { _, writer in try await writer.write("hi") }
            try await server.serveForever()
        }
        try await settled()
        let addresses = try await EventLoop.running.getAddrInfo(host: "server", service: "7")
        #expect(addresses.count == 2 && server.address == addresses[0].host)
        var options = ConnectionOptions()
        options.happyEyeballsDelay = .milliseconds(250)
        let (reader, writer) = try await openConnection(
            to: .addresses(addresses.reversed()), options: options)
        #expect(try await reader.readText() == "hi")
        writer.close()
    }

    @Test("a Unix socket belongs to its host") func unixSockets() async throws {
        let net = try Network.current
        try net.host("other") {
            let error = await #expect(throws: OSError.self) {
                _ = try await openConnection(to: .unix(path: "/run/echo.socket"))
            }
            #expect(error?.code == .noSuchFileOrDirectory)
        }
        let server = try await startServer(on: .unix(path: "/run/echo.socket")) { _, writer in
            try await writer.write("hi")
        }
        let (reader, writer) = try await openConnection(to: .unix(path: "/run/echo.socket"))
        #expect(try await reader.readText() == "hi")
        writer.close()
        try await sleep(.seconds(1))
        server.close()
    }

    @Test("protocols and transports are called as over sockets") func protocols() async throws {
        let loop = try EventLoop.running
        let server = try await loop.createServer(host: "localhost", port: 7) {
            let receiver = RecordingProtocol()
            receiver.onData = { [unowned receiver] in try receiver.transport?.write($0) }
            return receiver
        }
        let (transport, client) = try await loop.createConnection(host: "localhost", port: 7) { RecordingProtocol() }
        try transport.write(Array("hello".utf8))
        try await sleep(.seconds(1))
        #expect(client.text == "hello")
        transport.close()
        try await client.waitUntilLost()
        #expect(client.calls == ["made", "data", "lost"])
        server.close()
        try await server.waitClosed()
    }

    @Test("what a simulation does not have is an error that says so") func refusals() async throws {
        let error = await #expect(throws: RuntimeError.self) { _ = try await createSubprocess("/bin/true") }
        #expect("\(error!)".contains("is not available in a simulation"))
        let loop = try EventLoop.running
        await #expect(throws: RuntimeError.self) { try await loop.sockRecv(Int32(0), 1) }
        await #expect(throws: RuntimeError.self) { _ = try await openConnection(to: .socket(Int32(0))) }
    }
}
