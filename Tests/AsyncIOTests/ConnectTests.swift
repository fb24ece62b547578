import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Establishing connections.
@Suite(.eventLoop) struct ConnectTests {
    private func withServer(host: String?, _ body: (Int) async throws -> Void) async throws {
        let server = try await startServer(host: host, port: 0) { reader, writer in
            for try await line in reader.lines { try await writer.write("\(line)\n") }
        }
        defer { server.close() }
        try await body(server.port)
    }

    private func check(_ streams: (StreamReader, StreamWriter)) async throws {
        try await streams.1.write("x\n")
        #expect(try await streams.0.readLine() == Array("x\n".utf8))
        streams.1.close()
    }

    /// The addresses of both loopback interfaces, IPv6 first.
    private func loopbacks(_ port: Int) throws -> [Endpoint] {
        try [Endpoint(host: "::1", port: port), Endpoint(host: "127.0.0.1", port: port)]
    }

    @Test func theFamilyCanBeChosen() async throws {
        try await withServer(host: nil) { port in
            let streams = try await openConnection(host: "localhost", port: port, options: .init(family: .ipv4))
            #expect(streams.1.peerAddress?.family == .ipv4)
            try await check(streams)
            await #expect(throws: ResolveError.self) {
                _ = try await openConnection(host: "127.0.0.1", port: port, options: .init(family: .ipv6))
            }
        }
    }

    @Test(arguments: [nil, Duration.milliseconds(250)])
    func theNextAddressIsTriedWhenOneFails(delay: Duration?) async throws {
        // No one listens on one of them.
        for host in ["127.0.0.1", "::1"] {
            try await withServer(host: host) { port in
                let streams = try await openConnection(
                    to: .addresses(loopbacks(port)), options: .init(happyEyeballsDelay: delay))
                #expect(streams.1.peerAddress?.host == host)
                try await check(streams)
            }
        }
    }

    @Test func anAddressThatKeepsSilentCostsNoMoreThanTheDelay() async throws {
        try await withSilentPort { silent in
            try await withServer(host: "127.0.0.1") { port in
                let before = Process.descriptors
                let addresses = try [silent, Endpoint(host: "127.0.0.1", port: port)]
                let loop = try EventLoop.running
                let start = loop.now
                let streams = try await openConnection(
                    to: .addresses(addresses), options: .init(happyEyeballsDelay: .milliseconds(20)))
                #expect(loop.now - start >= .milliseconds(20))
                #expect(loop.now - start < .seconds(5))
                #expect(streams.1.peerAddress == addresses[1])
                try await check(streams)
                try await streams.1.waitClosed()
                // The losing socket is closed. (The server's end may not be yet.)
                try await eventually { Process.opened(since: before).isEmpty }
            }
        }
    }

    @Test func theFamiliesTakeTurnsOnlyIfAsked() async throws {
        func order(_ delay: Duration?, _ interleave: Int?) async throws -> [String] {
            let hosts = ["127.0.0.1", "127.0.0.2", "::1"]
            let addresses = try hosts.map { try Endpoint(host: $0, port: 1) }
            do {
                _ = try await openConnection(
                    to: .addresses(addresses),
                    options: .init(happyEyeballsDelay: delay, interleave: interleave, allErrors: true))
            } catch let group as ExceptionGroup {
                return group.errors.map { error in
                    hosts.first { "\(error)".contains("\($0):1") || "\(error)".contains("[\($0)]:1") } ?? "?"
                }
            }
            return []
        }
        #expect(try await order(nil, nil) == ["127.0.0.1", "127.0.0.2", "::1"])
        #expect(try await order(nil, 1) == ["127.0.0.1", "::1", "127.0.0.2"])
        #expect(try await order(.seconds(1), nil) == ["127.0.0.1", "::1", "127.0.0.2"])
        #expect(try await order(.seconds(1), 0) == ["127.0.0.1", "127.0.0.2", "::1"])
        #expect(try await order(.seconds(1), 2) == ["127.0.0.1", "127.0.0.2", "::1"])
    }

    @Test func everyAddressSaysWhyItFailed() async throws {
        let before = Process.descriptors
        let error = await #expect(throws: OSError.self) { _ = try await openConnection(to: .addresses(loopbacks(1))) }
        #expect(error?.code == .connectionRefused)
        #expect(error?.description.contains("127.0.0.1:1") == true)
        #expect(error?.description.contains("[::1]:1") == true)
        for delay in [nil, Duration.milliseconds(1)] {
            let group = await #expect(throws: ExceptionGroup.self) {
                _ = try await openConnection(
                    to: .addresses(loopbacks(1)), options: .init(happyEyeballsDelay: delay, allErrors: true))
            }
            #expect(group?.errors.count == 2)
            #expect(group?.errors.allSatisfy { ($0 as? OSError)?.code == .connectionRefused } == true)
        }
        await #expect(throws: ValueError.self) { _ = try await openConnection(to: .addresses([])) }
        try await settle()
        #expect(Process.opened(since: before) == [])
    }

    @Test func aLocalAddressIsWhereTheConnectionComesFrom() async throws {
        try await withServer(host: "127.0.0.1") { port in
            let local = try Endpoint(host: "127.0.0.2", port: 0)
            let streams = try await openConnection(host: "127.0.0.1", port: port, options: .init(localAddress: local))
            #expect(streams.1.localAddress?.host == "127.0.0.2")
            try await check(streams)
        }
    }

    @Test func aLocalAddressOfAnotherFamilyIsSkippedOrNamed() async throws {
        let local = try Endpoint(host: "127.0.0.1", port: 0)
        try await withServer(host: nil) { port in
            // Only the IPv4 address works.
            let streams = try await openConnection(to: .addresses(loopbacks(port)), options: .init(localAddress: local))
            #expect(streams.1.peerAddress?.family == .ipv4)
            try await check(streams)
            let error = await #expect(throws: OSError.self) {
                _ = try await openConnection(host: "::1", port: port, options: .init(localAddress: local))
            }
            #expect(error?.description.contains("IPv6") == true)
        }
    }

    @Test func aLocalAddressThatIsNotOursIsAClearError() async throws {
        try await withServer(host: "127.0.0.1") { port in
            let error = await #expect(throws: OSError.self) {
                _ = try await openConnection(
                    host: "127.0.0.1", port: port, options: .init(localAddress: Endpoint(host: "192.0.2.1", port: 0)))
            }
            #expect(error?.description.contains("192.0.2.1") == true)
        }
    }

    @Test(arguments: [nil, Duration.milliseconds(5)]) func cancellingLeavesNothingOpen(delay: Duration?) async throws {
        try await withSilentPort { silent in
            let before = Process.descriptors
            let task = createTask {
                _ = try await openConnection(to: .addresses([silent]), options: .init(happyEyeballsDelay: delay))
            }
            try await sleep(.milliseconds(30))
            #expect(!task.isDone)
            #expect(Process.opened(since: before).count == 1)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(Process.opened(since: before) == [])
        }
    }

    /// A listener whose queue is full. The kernel no longer answers, and connecting hangs.
    private func withSilentPort(_ body: (Endpoint) async throws -> Void) async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, length)
                _ = listen(listener, 0)
                _ = getsockname(listener, $0, &length)
            }
        }
        let port = Int(UInt16(bigEndian: address.sin_port))
        let fillers = try (0..<4).map { _ in try Peer.connected(to: port) }
        try await sleep(.milliseconds(10))
        try await body(Endpoint(host: "127.0.0.1", port: port))
        withExtendedLifetime(fillers) {}
    }

    @Test func aConnectedSocketBecomesAStream() async throws {
        let (ours, peer) = try Peer.pair()
        let (reader, writer) = try await openConnection(to: .socket(ours))
        peer.send("hi\n")
        #expect(try await reader.readLine() == Array("hi\n".utf8))
        writer.close()
        try await writer.waitClosed()
        #expect(fcntl(ours, F_GETFD) == -1)
    }

    @Test func aSocketForDatagramsIsNoStream() async throws {
        let loop = try EventLoop.running
        let datagrams = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(datagrams) }
        await #expect(throws: ValueError.self) { _ = try await openConnection(to: .socket(datagrams)) }
        await #expect(throws: ValueError.self) {
            _ = try await loop.createConnection(to: .socket(datagrams)) { RecordingProtocol() }
        }
        await #expect(throws: ValueError.self) { _ = try await openConnection(to: .socket(Int32(-1))) }
        #expect(fcntl(datagrams, F_GETFD) != -1)
    }

    @Test func anAcceptedSocketBecomesATransport() async throws {
        let (ours, peer) = try Peer.pair()
        let (transport, receiver) = try await EventLoop.running.connectAcceptedSocket(ours) { RecordingProtocol() }
        peer.send("hi")
        try await eventually { receiver.text == "hi" }
        transport.close()
    }

    // MARK: Names

    @Test func namesAndServicesResolve() async throws {
        let loop = try EventLoop.running
        let both = try await loop.getAddrInfo(host: "localhost", service: "80")
        #expect(both.map(\.description).contains("127.0.0.1:80"))
        #expect(try await loop.getAddrInfo(host: "localhost", family: .ipv4).map(\.host) == ["127.0.0.1"])
        #expect(try await loop.getAddrInfo(host: "127.0.0.1", service: "https").map(\.port) == [443])
        let names = try await loop.getNameInfo(Endpoint(host: "127.0.0.1", port: 443))
        #expect(names == (host: "localhost", service: "https"))
        #expect(
            try await loop.getNameInfo(Endpoint(host: "::1", port: 443), isNumeric: true)
                == (host: "::1", service: "443"))
        await #expect(throws: ResolveError.self) { _ = try await loop.getAddrInfo(host: "no-such-host.invalid") }
        await #expect(throws: ResolveError.self) {
            _ = try await loop.getAddrInfo(host: "localhost", service: "no-such-service")
        }
    }

    @Test func addressesInNumbersAreChecked() throws {
        #expect(try Endpoint(host: "127.0.0.1", port: 80).description == "127.0.0.1:80")
        #expect(try Endpoint(host: "::1", port: 80).description == "[::1]:80")
        #expect(throws: ValueError.self) { try Endpoint(host: "localhost", port: 80) }
        #expect(throws: ValueError.self) { try Endpoint(host: "::1", port: 65_536) }
        #expect(throws: ValueError.self) { try Endpoint(path: "") }
    }
}

/// The order of addresses, and the threads for lookups.
@Suite struct LookupTests {
    private nonisolated func interleave(_ names: String, _ count: Int) -> String {
        interleaved(names.split(separator: " "), firstFamilyCount: count) { $0.hasPrefix("a") ? 1 : 2 }
            .joined(separator: " ")
    }

    // The result of asyncio's `_interleave_addrinfos`.
    @Test func familiesTakeTurns() {
        #expect(interleave("a1 a2 a3 b1 b2", 1) == "a1 b1 a2 b2 a3")
        #expect(interleave("a1 a2 a3 b1 b2", 2) == "a1 a2 b1 a3 b2")
        #expect(interleave("a1 b1 b2 b3", 3) == "a1 b1 b2 b3")
        #expect(interleave("b1 a1", 1) == "b1 a1")
        #expect(interleave("", 1) == "")
    }

    @Test func aLookupThatNeverEndsHoldsNothingUp() throws {
        let flag = Flag()
        defer { flag.set() }
        try atTopLevel {
            let start = ContinuousClock.now
            try AsyncIO.run {
                let loop = try EventLoop.running
                // More than there are threads, so that the last ones have to wait.
                let threads = LookupThreads(limit: 2)
                let tasks = (0..<5).map { _ in
                    createTask { try await loop.lookUp(on: threads) { flag.wait() } }
                }
                try await sleep(.milliseconds(20))
                // The one that is still wanted runs when a thread is free.
                tasks[0].cancel()
                await #expect(throws: CancellationError.self) { try await tasks[0].value }
            }
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test func aLookupIsDoneWhenAThreadIsFree() throws {
        try atTopLevel {
            try AsyncIO.run {
                let loop = try EventLoop.running
                let threads = LookupThreads(limit: 1)
                let numbers = try await gather(Array(0..<20)) { number in
                    try await loop.lookUp(on: threads) { number * 2 }
                }
                #expect(numbers == (0..<20).map { $0 * 2 })
                await #expect(throws: Boom.self) { try await loop.lookUp(on: threads) { throw Boom() } }
            }
        }
    }

    @Test(.virtualTime) func virtualTimeWaitsForALookup() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        _ = try await withTimeout(.seconds(3600)) { try await loop.getAddrInfo(host: "localhost") }
        #expect(loop.now - start < .seconds(1))
    }
}
