import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Glibc
import Testing

/// More work at once than there is room for: the last ones wait, but no longer than they want.
@Suite(.eventLoop) struct CrowdedTests {
    private func abstractName() -> String { "\0asyncio-crowd-\(getpid())-\(UInt32.random(in: 0 ... .max))" }

    // MARK: Unix sockets

    @Test func aBurstOfConnectionsToAUnixServerIsServed() async throws {
        let name = abstractName()
        let server = try await startServer(on: .unix(path: name)) { reader, writer in
            try await writer.write(try await reader.readLine())
        }
        defer { server.close() }
        let answers = try await gather(Array(0..<400)) { number in
            let (reader, writer) = try await openConnection(to: .unix(path: name))
            defer { writer.close() }
            try await writer.write("\(number)\n")
            return try await reader.readTextLine()
        }
        #expect(answers == (0..<400).map { "\($0)" })
    }

    /// A server that accepts no connections, and whose queue is full.
    private func fullServer(_ name: String) throws -> (listener: Int32, client: Int32) {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let (listener, client) = (socket(AF_UNIX, type, 0), socket(AF_UNIX, type, 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
        let length = socklen_t(2 + name.utf8.count)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                #expect(bind(listener, address, length) == 0)
                #expect(listen(listener, 0) == 0)
                #expect(connect(client, address, length) == 0)
            }
        }
        return (listener, client)
    }

    @Test func connectingToAFullUnixServerEndsWithItsTimeLimitAndLeavesNothing() async throws {
        let name = abstractName()
        let (listener, client) = try fullServer(name)
        defer {
            close(listener)
            close(client)
        }
        let before = Process.descriptors
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(30)) { _ = try await openConnection(to: .unix(path: name)) }
        }
        let connecting = createTask { _ = try await openConnection(to: .unix(path: name)) }
        try await sleep(.milliseconds(5))
        connecting.cancel()
        await #expect(throws: CancellationError.self) { try await connecting.value }
        #expect(Process.opened(since: before).isEmpty)
    }

    @Test func connectingByHandWaitsForRoomToo() async throws {
        let (loop, name) = (try EventLoop.running, abstractName())
        let (listener, client) = try fullServer(name)
        let mine = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        defer { for descriptor in [listener, client, mine] { close(descriptor) } }
        let address = try Endpoint(path: name)
        let connecting = createTask { try await loop.sockConnect(mine, to: address) }
        try await sleep(.milliseconds(5))
        #expect(!connecting.isDone)
        let first = accept(listener, nil, nil)
        try await connecting.value
        close(first)
    }

    // MARK: Lookups

    @Test func lookupsThatHangDoNotHoldUpWhatThisMachineKnows() async throws {
        let loop = try EventLoop.running
        let flag = Flag()
        // As many as there are threads for name servers, and more.
        let hanging = (0..<40).map { _ in createTask { try await loop.lookUp { flag.wait() } } }
        defer { flag.set() }
        try await sleep(.zero)

        let addresses = try await loop.getAddrInfo(host: "localhost", service: "80")
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { $0.host == "127.0.0.1" || $0.host == "::1" })
        #expect(try await loop.getAddrInfo(host: "127.0.0.1").count == 1)
        #expect(try await loop.getAddrInfo(host: "a.name.localhost", family: .ipv4).map(\.host) == ["127.0.0.1"])
        #expect(try await loop.getAddrInfo(host: nil, service: "80").isEmpty == false)
        let loopback = try #require(addresses.first)
        #expect(try await loop.getNameInfo(loopback, isNumeric: true).service == "80")
        let server = try await startServer(host: "localhost", port: 0) { _, writer in writer.close() }
        let (reader, writer) = try await openConnection(host: "localhost", port: server.port)
        #expect(try await reader.read().isEmpty)
        writer.close()
        server.close()
        #expect(hanging.allSatisfy { !$0.isDone })
    }

    @Test func lookupsThatWereGivenUpAreNotHandedOn() async throws {
        let loop = try EventLoop.running
        let (flag, asked) = (Flag(), Counter())
        let threads = LookupThreads(limit: 1)
        let hanging = createTask { try await loop.lookUp(on: threads) { flag.wait() } }
        try await sleep(.zero)
        let other = createTask {
            try await loop.lookUp(on: threads, locally: { nil }) { _ = asked.increase() }
        }
        try await sleep(.milliseconds(5))
        other.cancel()
        await #expect(throws: CancellationError.self) { try await other.value }
        flag.set()
        try await hanging.value
        #expect(try await loop.lookUp(on: threads) { asked.value } == 0)
    }
}
