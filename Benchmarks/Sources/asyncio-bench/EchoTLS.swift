import AsyncIO

/// Sends back every byte over TLS, until the process is terminated.
func echoTLS(port: Int, certificate: String, key: String) async throws {
    raiseDescriptorLimit()
    let tls = try TLSContext.server(certificate: certificate, key: key)
    let server = try await startServer(host: "127.0.0.1", port: port, tls: tls, options: .init(backlog: 4096)) {
        reader, writer in
        while true {
            let bytes = try await reader.read(262_144)
            if bytes.isEmpty { return }
            try await writer.write(bytes)
        }
    }
    sayReady()
    try await server.serveForever()
}
