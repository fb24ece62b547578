import ArgumentParser
import AsyncIO
import Glibc

/// Sends back whatever it gets. Try:
///
///     echo-server --port 7000 &
///     curl telnet://localhost:7000
///     kill %1
@main
struct EchoServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-server", abstract: "Sends back whatever it gets.",
        discussion: """
            It listens on a port, for TCP or UDP, or on a Unix socket. Once it does, it prints READY, and in the \
            next line where that is. SIGTERM and Ctrl-C end it in order.
            """)

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for a free one.")
    var port: Int?

    @Option(help: ArgumentHelp("The Unix socket to listen on.", valueName: "path"))
    var unix: String?

    @Option(help: ArgumentHelp("The certificate, in PEM: every connection is TLS then.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The certificate's key, in PEM, if it is not in the same file.", valueName: "file"))
    var tlsKey: String?

    @Flag(help: "Send back datagrams, and not streams.")
    var udp = false

    func validate() throws {
        guard port == nil || unix == nil else { throw ValidationError("--port and --unix exclude each other.") }
        guard 0...65_535 ~= port ?? 0 else { throw ValidationError("--port must be from 0 to 65535.") }
        guard tlsKey == nil || tlsCert != nil else { throw ValidationError("--tls-key needs --tls-cert too.") }
        guard !udp || (unix == nil && tlsCert == nil) else { throw ValidationError("--udp goes with --port alone.") }
    }

    func run() throws {
        // Not in validate(): there it would hide a mistyped option's name.
        guard port != nil || unix != nil else { throw ValidationError("Either --port or --unix is needed.") }
        AsyncIO.main {
            let stop = try signals(.terminate, .interrupt)
            try await udp ? serveDatagrams(until: stop) : serveStreams(until: stop)
        }
    }

    private func serveStreams(until stop: SignalSequence) async throws {
        let tls = try tlsCert.map { try TLSContext.server(certificate: $0, key: tlsKey) }
        let server =
            if let unix {
                try await startUnixServer(path: unix, tls: tls, echo)
            } else {
                try await startServer(host: host, port: port ?? 0, tls: tls, echo)
            }
        try await withServer(server, grace: .seconds(1)) { server in
            ready(server.addresses)
            for try await _ in stop { break }
            // What clients are still owed is sent; the grace is for those that do not read it.
            server.closeClients()
        }
    }

    /// A client that reads slowly is read slowly: a write waits while much is kept for it.
    private func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        while true {
            let bytes = try await reader.read(65_536)
            if bytes.isEmpty { break }
            try await writer.write(bytes)
        }
    }

    private func serveDatagrams(until stop: SignalSequence) async throws {
        let addresses = try await EventLoop.running.getAddrInfo(host: host, service: "\(port ?? 0)")
        let socket = try await openDatagramSocket(localAddress: addresses[0])
        defer { socket.close() }
        ready([socket.localAddress].compactMap(\.self))
        try await race({ for try await _ in stop { break } }, { try await echoDatagrams(on: socket) })
    }

    private func echoDatagrams(on socket: DatagramSocket) async throws {
        while true {
            do {
                let (bytes, sender) = try await socket.receive()
                try await socket.send(bytes, to: sender)
            } catch is OSError {
                // The network's news of a client that is gone; the others are not.
            }
        }
    }

    private func ready(_ addresses: [SocketAddress]) {
        print("READY\nlistening on \(addresses.map(\.description).joined(separator: ", "))")
        fflush(nil)
    }
}
