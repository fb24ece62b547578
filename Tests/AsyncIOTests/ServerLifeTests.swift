import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// How servers start, are shut down, and own their handlers.
@Suite(.loopback) struct ServerLifeTests {
    private func ask(_ port: Int, _ question: String = "hello\n") async throws -> String? {
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
        defer { writer.close() }
        try await writer.write(question)
        return try await reader.readTextLine()
    }

    private static func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        while true {
            let line = try await reader.readLine()
            if line.isEmpty { return }
            try await writer.write(line)
        }
    }

    // MARK: Starting

    @Test func aServerMayBeBoundBeforeItListens() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false), Self.echo)
        let port = server.port
        #expect(!server.isServing)
        await #expect(throws: OSError.self) { _ = try await ask(port) }
        try server.startServing()
        try server.startServing()
        #expect(server.isServing)
        #expect(try await ask(port) == "hello")
        server.close()
        #expect(!server.isServing)
        #expect(throws: RuntimeError.self) { try server.startServing() }
    }

    @Test func serveForeverBeginsToListen() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false), Self.echo)
        let port = server.port
        let serving = createTask { try await server.serveForever() }
        try await sleep(.zero)
        #expect(try await ask(port) == "hello")
        // Closing it from elsewhere ends it.
        server.close()
        await #expect(throws: CancellationError.self) { try await serving.value }
    }

    @Test func severalHostsAreServedEachAddressOnce() async throws {
        let server = try await startServer(
            on: .tcp(hosts: ["127.0.0.1", "::1", "127.0.0.1", "localhost"], port: 0), Self.echo)
        defer { server.close() }
        #expect(Set(server.addresses.map(\.host)) == ["127.0.0.1", "::1"])
        #expect(server.addresses.count == 2)
        for address in server.addresses {
            let (reader, writer) = try await openConnection(host: address.host, port: try #require(address.port))
            try await writer.write("x\n")
            #expect(try await reader.readLine() == Array("x\n".utf8))
            writer.close()
        }
    }

    @Test func anEmptyHostMeansAllInterfaces() async throws {
        let server = try await startServer(host: "", port: 0, Self.echo)
        defer { server.close() }
        #expect(server.addresses.contains { $0.host == "0.0.0.0" })
    }

    @Test func noHostMeansAllInterfaces() async throws {
        let server = try await startServer(port: 0, Self.echo)
        defer { server.close() }
        #expect(server.addresses.contains { $0.host == "0.0.0.0" })
        let (_, writer) = try await openConnection(to: .tcp(host: "127.0.0.1", port: server.port))
        writer.close()
    }

    @Test func aFamilyCanBeAskedFor() async throws {
        let server = try await startServer(host: nil, port: 0, options: .init(family: .ipv4), Self.echo)
        defer { server.close() }
        #expect(server.addresses.map(\.host) == ["0.0.0.0"])
        await #expect(throws: ResolveError.self) {
            _ = try await startServer(host: "127.0.0.1", port: 0, options: .init(family: .ipv6), Self.echo)
        }
    }

    @Test func aDualStackServerServesBothFamiliesWithOneSocket() async throws {
        let peers = Queue<String>()
        let server = try await startServer(host: nil, port: 0, options: .init(dualStack: true)) { _, writer in
            try await peers.put(writer.peerAddress?.host ?? "")
        }
        defer { server.close() }
        #expect(server.addresses.map(\.host) == ["::"])
        for host in ["127.0.0.1", "::1"] {
            let (_, writer) = try await openConnection(host: host, port: server.port)
            #expect(try await peers.get().hasSuffix(host))
            writer.close()
        }
    }

    @Test(.eventLoop) func socketsHaveTheOptionsThatWereAskedFor() async throws {
        let server = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(reusePort: true, keepAlive: true)
        ) { _, writer in
            let descriptor = try #require(writer.descriptor)
            #expect(socketOption(descriptor, SOL_SOCKET, SO_KEEPALIVE) == 1)
            #expect(socketOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
            try await writer.write("ok\n")
        }
        defer { server.close() }
        let listening = try #require(server.sockets.first)
        #expect(socketOption(listening, SOL_SOCKET, SO_REUSEADDR) == 1)
        #expect(socketOption(listening, SOL_SOCKET, SO_REUSEPORT) == 1)
        #expect(try await ask(server.port) == "ok")

        let plain = try await startServer(
            host: "127.0.0.1", port: 0, options: .init(reuseAddress: false, noDelay: false)
        ) {
            _, writer in
            #expect(socketOption(try #require(writer.descriptor), Int32(IPPROTO_TCP), TCP_NODELAY) == 0)
            try await writer.write("ok\n")
        }
        defer { plain.close() }
        #expect(socketOption(try #require(plain.sockets.first), SOL_SOCKET, SO_REUSEADDR) == 0)
        #expect(socketOption(try #require(plain.sockets.first), SOL_SOCKET, SO_KEEPALIVE) == 0)
        #expect(try await ask(plain.port) == "ok")
    }

    @Test(.eventLoop) func twoServersMayShareAPort() async throws {
        let first = try await startServer(host: "127.0.0.1", port: 0, options: .init(reusePort: true), Self.echo)
        defer { first.close() }
        let second = try await startServer(
            host: "127.0.0.1", port: first.port, options: .init(reusePort: true), Self.echo)
        second.close()
        #expect(try await ask(first.port) == "hello")
    }

    @Test(.eventLoop) func aServerListensOnASocketThatWasMadeElsewhere() async throws {
        let first = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false), Self.echo)
        let copy = dup(try #require(first.sockets.first))
        let port = first.port
        first.close()
        let server = try await startServer(on: .sockets([copy]), Self.echo)
        #expect(server.port == port)
        #expect(try await ask(port) == "hello")
        server.close()
        #expect(fcntl(copy, F_GETFD) == -1)
    }

    @Test(.eventLoop) func aDescriptorThatIsNoStreamSocketIsAnErrorAndStaysTheCallers() async throws {
        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        await #expect(throws: ValueError.self) { _ = try await startServer(on: .sockets([file]), Self.echo) }
        await #expect(throws: ValueError.self) { _ = try await startServer(on: .sockets([Int32]()), Self.echo) }
        #expect(fcntl(file, F_GETFD) != -1)
    }

    @Test func anAddressThatTheMachineDoesNotHaveIsAClearError() async throws {
        let error = await #expect(throws: OSError.self) {
            _ = try await startServer(host: "192.0.2.1", port: 0, Self.echo)
        }
        #expect(error?.code == .addressNotAvailable)
        #expect(error?.description.contains("192.0.2.1") == true)
    }

    @Test func oneMissingAddressAmongOthersIsSkippedAndOneInUseIsNot() async throws {
        let server = try await startServer(on: .tcp(hosts: ["192.0.2.1", "127.0.0.1"], port: 0), Self.echo)
        defer { server.close() }
        #expect(server.addresses.map(\.host) == ["127.0.0.1"])
        let before = Process.descriptors
        await #expect(throws: OSError.self) {
            _ = try await startServer(on: .tcp(hosts: ["::1", "127.0.0.1"], port: server.port), Self.echo)
        }
        #expect(Process.opened(since: before) == [])
    }

    // MARK: Handlers

    @Test(.eventLoop) func aPeerThatGoesAwayIsNoErrorOfTheProgram() async throws {
        let reports = try ReportRecorder()
        let ended = Queue<String>()
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            do {
                while try await !reader.read(10).isEmpty {}
                while true { try await writer.write([UInt8](repeating: 1, count: 65_536)) }
            } catch {
                try await ended.put("\((error as? OSError)?.isConnectionError ?? false)")
                throw error
            }
        }
        defer { server.close() }
        for send in [true, false] {
            let peer = try Peer.connected(to: server.port)
            if send { peer.send("x") }
            try await eventually { server.connectionCount == 1 }
            try await settle()
            if send { peer.reset() } else { peer.close() }
            #expect(try await ended.get() == "true")
        }
        try await eventually { server.connectionCount == 0 }
        #expect(reports.reports.isEmpty)
    }

    @Test(.eventLoop) func aConnectionErrorFromElsewhereIsReported() async throws {
        let reports = try ReportRecorder()
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in
            _ = try await openConnection(host: "127.0.0.1", port: 1)
        }
        defer { server.close() }
        let peer = try Peer.connected(to: server.port)
        #expect(try await peer.receiveToEnd().isEmpty)
        #expect(reports.messages == ["Unhandled exception in a connection's handler"])
    }

    @Test(.eventLoop) func inDebugModeAPeerThatGoesAwayIsTold() async throws {
        let reports = try ReportRecorder()
        try EventLoop.running.debug = true
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in
            while try await !reader.read(10).isEmpty {}
        }
        defer { server.close() }
        let peer = try Peer.connected(to: server.port)
        try await eventually { server.connectionCount == 1 }
        peer.reset()
        try await eventually { reports.reports.count == 1 }
    }

    @Test(.eventLoop) func aHandlerThatIsCancelledClosesItsConnectionSilently() async throws {
        let reports = try ReportRecorder()
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in
            currentTask()?.cancel()
            try await sleep(.seconds(10))
        }
        defer { server.close() }
        let peer = try Peer.connected(to: server.port)
        #expect(try await peer.receiveToEnd().isEmpty)
        #expect(reports.reports.isEmpty)
    }

    @Test(.eventLoop) func abandonedTransportsDoNotHoldUpTheEndOfAServer() async throws {
        let reports = try ReportRecorder()
        final class Paused: ConnectionProtocol {
            func connectionMade(_ transport: Transport) { transport.pauseReading() }
            func dataReceived(_ bytes: [UInt8]) {}
        }
        let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 0) { Paused() }
        let peer = try Peer.connected(to: server.port)
        try await eventually { reports.messages.contains { $0.contains("unclosed") } }
        server.close()
        try await server.waitClosed()
        withExtendedLifetime(peer) {}
    }

    // MARK: Shutting down

    @Test func shuttingDownWaitsForTheConnectionsThatEnd() async throws {
        let (asked, answered) = (Event(), Event())
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            let question = try await reader.readLine()
            asked.set()
            try await sleep(.milliseconds(20))
            try await writer.write(question)
            answered.set()
        }
        let port = server.port
        let asking = createTask { try await self.ask(port) }
        try await asked.wait()
        #expect(try await server.shutdown(within: .seconds(60)) == 0)
        #expect(answered.isSet)
        #expect(try await asking.value == "hello")
        await #expect(throws: OSError.self) { _ = try await ask(port) }
    }

    @Test(.eventLoop) func shuttingDownCutsOffWhoeverDoesNotEndInTime() async throws {
        var ends: [String] = []
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in
            do {
                _ = try await reader.readLine()
                ends.append("end")
                try await sleep(.seconds(60))
            } catch {
                ends.append("\(type(of: error))")
                throw error
            }
        }
        let port = server.port
        let peers = try (0..<3).map { _ in try Peer.connected(to: port) }
        try await eventually { server.connectionCount == 3 }
        let loop = try EventLoop.running
        let start = loop.now
        #expect(try await server.shutdown(within: .milliseconds(30)) == 3)
        #expect(loop.now - start < .seconds(5))
        #expect(server.connectionCount == 0)
        #expect(ends.count == 3)
        #expect(allTasks().count <= 1)
        withExtendedLifetime(peers) {}
    }

    @Test func shuttingDownASecondTimeFindsNothing() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, Self.echo)
        #expect(try await server.shutdown(within: .zero) == 0)
        #expect(try await server.shutdown(within: .zero) == 0)
    }

    @Test(.eventLoop) func cancellingAShutDownCutsOffWhatIsLeft() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
        let peer = try Peer.connected(to: server.port)
        try await eventually { server.connectionCount == 1 }
        let shutdown = createTask { try await server.shutdown(within: .seconds(60)) }
        try await settle()
        shutdown.cancel()
        await #expect(throws: CancellationError.self) { try await shutdown.value }
        try await eventually { server.connectionCount == 0 }
        withExtendedLifetime(peer) {}
    }

    @Test func aScopedServerIsShutDownWhenItsScopeEnds() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, Self.echo)
        let answer = try await withServer(server, grace: .milliseconds(50)) { server in
            try await ask(server.port)
        }
        #expect(answer == "hello")
        #expect(server.isClosed)

        let other = try await startServer(host: "127.0.0.1", port: 0, Self.echo)
        await #expect(throws: Boom.self) { try await withServer(other) { _ in throw Boom() } }
        #expect(other.isClosed)
    }

    @Test func waitClosedMayBeCalledBeforeClose() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, Self.echo)
        let waiting = createTask { try await server.waitClosed() }
        try await settle()
        #expect(!waiting.isDone)
        server.close()
        try await waiting.value
    }

    @Test(.eventLoop) func clientsCanBeClosedAfterTheServer() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, Self.echo)
        let peer = try Peer.connected(to: server.port)
        try await eventually { server.connectionCount == 1 }
        server.close()
        server.closeClients()
        try await server.waitClosed()
        #expect(try await peer.receiveToEnd().isEmpty)
    }

    // MARK: Sockets of a supervisor

    @Test func socketsOfASupervisorAreTakenOnce() throws {
        // The process has no such sockets. Another test has a program with some.
        setenv("LISTEN_PID", "1", 1)
        setenv("LISTEN_FDS", "2", 1)
        #expect(Server.takeSystemdSockets().isEmpty, "the sockets belong to another process")
        #expect(getenv("LISTEN_FDS") == nil)
        setenv("LISTEN_PID", "\(getpid())", 1)
        setenv("LISTEN_FDS", "nonsense", 1)
        #expect(Server.takeSystemdSockets().isEmpty)
        #expect(Server.takeSystemdSockets().isEmpty)
    }
}
