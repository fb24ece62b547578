import ArgumentParser
import AsyncIO
import Glibc

/// The port for which the system chooses a free port.
private nonisolated let anyFreePort = 0

/// Sends back everything that it receives. Try:
///
///     echo-server --port 7000 &
///     curl telnet://localhost:7000
///     kill %1
@main
struct EchoServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-server", abstract: "Sends back everything that it receives.",
        discussion: """
            The server listens on a TCP or UDP port, or on a Unix socket. When it is listening, it prints READY and \
            its address. SIGTERM and Ctrl-C shut it down gracefully.
            """)

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for any free port.")
    var port: Int?

    @Option(help: ArgumentHelp("The Unix socket to listen on.", valueName: "path"))
    var unix: String?

    @Option(help: ArgumentHelp("A certificate, in PEM. With it, all connections use TLS.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The private key, in PEM, if it is not in the same file.", valueName: "file"))
    var tlsKey: String?

    @Flag(help: "Use datagrams instead of streams.")
    var udp = false

    func validate() throws {
        guard port == nil || unix == nil else { throw ValidationError("use either --port or --unix, not both") }
        guard 0...65_535 ~= port ?? anyFreePort else {
            throw ValidationError("--port must be in 0...65535, got \(port ?? anyFreePort)")
        }
        guard tlsKey == nil || tlsCert != nil else { throw ValidationError("--tls-key also needs --tls-cert") }
        guard !udp || (unix == nil && tlsCert == nil) else { throw ValidationError("--udp works only with --port") }
    }

    func run() throws {
        // This is not in validate(), because it would hide the error about a mistyped option there.
        guard port != nil || unix != nil else { throw ValidationError("use either --port or --unix") }
        AsyncIO.main {
            let stop = try signals(.terminate, .interrupt)
            try await udp ? serveDatagrams(until: stop) : serveStreams(until: stop)
        }
    }

    private func serveStreams(until stop: SignalSequence) async throws {
        let tls = try tlsCert.map { try TLSContext.server(certificate: $0, key: tlsKey) }
        let listener: Server.Listener =
            if let unix { .unix(path: unix) } else { .tcp(host: host, port: port ?? anyFreePort) }
        let server = try await startServer(on: listener, tls: tls, echo)
        try await withServer(server, grace: .seconds(1)) { server in
            ready(server.addresses)
            try await stop.next()
            // Buffered data is still sent. The grace period is for clients that do not read it.
            server.closeClients()
        }
    }

    /// Reads from a client only as fast as the client itself reads: a write waits while too much is buffered.
    private func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        while true {
            let bytes = try await reader.read(65_536)
            if bytes.isEmpty { break }
            try await writer.write(bytes)
        }
    }

    private func serveDatagrams(until stop: SignalSequence) async throws {
        let addresses = try await EventLoop.running.getAddrInfo(host: host, service: "\(port ?? anyFreePort)")
        let socket = try await openDatagramSocket(localAddress: addresses[0])
        defer { socket.close() }
        ready([socket.localAddress].compactMap(\.self))
        try await race({ _ = try await stop.next() }, { try await echoDatagrams(on: socket) })
    }

    private func echoDatagrams(on socket: DatagramSocket) async throws {
        while true {
            do {
                let (bytes, sender) = try await socket.receive()
                try await socket.send(bytes, to: sender)
            } catch is OSError {
                // The network reported that a client is gone. The other clients are not affected.
            }
        }
    }

    private func ready(_ addresses: [Endpoint]) {
        print("READY\nlistening on \(addresses.map(\.description).joined(separator: ", "))")
        fflush(nil)
    }
}
