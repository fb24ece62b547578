import AsyncIO

/// Sends back every byte, until the process is terminated.
func echo(port: Int) async throws {
    raiseDescriptorLimit()
    let server = try await startServer(host: "127.0.0.1", port: port, options: .init(backlog: 4096)) { reader, writer in
        while true {
            let bytes = try await reader.read(262_144)
            if bytes.isEmpty { return }
            try await writer.write(bytes)
        }
    }
    sayReady()
    try await server.serveForever()
}

/// The same with a protocol.
func echoWithProtocol(port: Int) async throws {
    raiseDescriptorLimit()
    let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: port, options: .init(backlog: 4096))
    { Echo() }
    sayReady()
    try await server.serveForever()
}

private final class Echo: ConnectionProtocol {
    private var transport: Transport?

    func connectionMade(_ transport: Transport) { self.transport = transport }

    func dataReceived(_ bytes: [UInt8]) throws { try transport?.write(bytes) }

    func connectionLost(_ error: (any Error)?) { transport = nil }
}
