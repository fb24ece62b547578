import AsyncIO

/// Answers each line with the same line, until the process is terminated.
func lineServer(port: Int) async throws {
    raiseDescriptorLimit()
    let server = try await startServer(host: "127.0.0.1", port: port, options: .init(backlog: 4096)) { reader, writer in
        while true {
            let line = try await reader.readLine()
            if line.isEmpty { return }
            try await writer.write(line)
        }
    }
    sayReady()
    try await server.serveForever()
}
