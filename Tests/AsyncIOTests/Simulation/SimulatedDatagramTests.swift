import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

@Suite("Datagrams in a simulated network", .simulation) struct SimulatedDatagramTests {
    /// Starts a host that sends each datagram back.
    private func echo(_ net: Network) throws -> Host {
        try net.host("server") {
            let socket = try await openDatagramSocket(localAddress: Endpoint(host: "0.0.0.0", port: 9))
            defer { socket.close() }
            while true {
                let (bytes, sender) = try await socket.receive()
                try await socket.send(bytes, to: sender)
            }
        }
    }

    @Test("a datagram arrives with the address of its sender") func arrives() async throws {
        let net = try Network.current
        let server = try echo(net)
        try await settled()
        let socket = try await openDatagramSocket(remoteAddress: Endpoint(host: server.address, port: 9))
        try await socket.send("hello")
        let (bytes, sender) = try await socket.receive()
        #expect(String(decoding: bytes, as: UTF8.self) == "hello")
        #expect(sender == (try Endpoint(host: server.address, port: 9)))
        socket.close()
    }

    @Test("datagrams arrive in order unless they are to be overtaken", .simulation(seeds: 20)) func inOrder()
        async throws
    {
        let net = try Network.current
        let receiver = try await openDatagramSocket(localAddress: Endpoint(host: "0.0.0.0", port: 9))
        try net.host("sender") {
            let socket = try await openDatagramSocket(
                remoteAddress: Endpoint(host: net.host(named: "test").address, port: 9))
            for number in 0..<50 { try await socket.send("\(number)") }
            socket.close()
        }
        var received: [String] = []
        for _ in 0..<50 { received.append(String(decoding: try await receiver.receive().bytes, as: UTF8.self)) }
        #expect(received == (0..<50).map(String.init))
        receiver.close()
    }

    @Test("datagrams are lost, duplicated, and reordered as often as asked") func faults() async throws {
        let net = try Network.current
        let server = try echo(net)
        let link = try net.link(from: net.host(named: "test"), to: server)
        (link.loss, link.duplication, link.reordering) = (0.3, 0.3, 0.3)
        try await settled()
        let socket = try await openDatagramSocket(remoteAddress: Endpoint(host: server.address, port: 9))
        var received: [Int] = []
        let receiving = createTask {
            while true { received.append(Int(String(decoding: try await socket.receive().bytes, as: UTF8.self)) ?? -1) }
        }
        for number in 0..<1000 {
            try await socket.send("\(number)")
            try await sleep(.milliseconds(1))
        }
        try await sleep(.seconds(1))
        receiving.cancel()
        #expect((650...750).contains(Set(received).count))
        #expect((850...970).contains(received.count))
        #expect(received != received.sorted())
        socket.close()
    }

    @Test("a datagram that is too large is refused, and one to a port without a socket is answered") func errors()
        async throws
    {
        let net = try Network.current
        let server = try echo(net)
        try await settled()
        let socket = try await openDatagramSocket(remoteAddress: Endpoint(host: server.address, port: 10))
        let tooLarge = await #expect(throws: OSError.self) {
            try await socket.send([UInt8](repeating: 0, count: 70_000))
        }
        #expect(tooLarge?.code == .messageTooLong)
        try await socket.send("x")
        let refused = await #expect(throws: OSError.self) { try await socket.receive() }
        #expect(refused?.code == .connectionRefused)
        socket.close()
    }
}
