import AsyncIO

/// Sends back every byte, until the process is ended.
func echo(port: Int) async throws {
    raiseDescriptorLimit()
    let server = try await startServer(host: "127.0.0.1", port: port, backlog: 4096) { reader, writer in
        while true {
            let bytes = try await reader.read(262_144)
            if bytes.isEmpty { return }
            try await writer.write(bytes)
        }
    }
    sayReady()
    try await server.serveForever()
}
