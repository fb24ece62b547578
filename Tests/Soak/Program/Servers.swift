import AsyncIO
import Glibc

/// The servers that users talk to: three echo servers, and one that is as rude as a server can be.
final class Servers {
    let plain: Server
    let unix: Server
    let secure: Server
    let rude: Server
    let datagrams: DatagramSocket
    let client: TLSContext
    let path: String
    private let datagramTask: AsyncTask<Void>

    init(_ certificate: Certificate) async throws {
        path = "/tmp/asyncio-soak-\(getpid()).socket"
        let tls = try TLSContext.server(certificate: certificate.path, key: certificate.key)
        tls.shutdownTimeout = .seconds(1)
        tls.handshakeTimeout = .seconds(2)
        client = try TLSContext.client(systemTrust: false)
        try client.trust(file: certificate.path)
        client.shutdownTimeout = .seconds(1)
        client.handshakeTimeout = .seconds(2)
        plain = try await startServer(host: "127.0.0.1", port: 0, Self.echo)
        unix = try await startServer(on: .unix(path: path), Self.echo)
        secure = try await startServer(host: "127.0.0.1", port: 0, tls: tls, Self.echo)
        rude = try await startServer(host: "127.0.0.1", port: 0, Self.beRude)
        let socket = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
        datagrams = socket
        datagramTask = createTask {
            while true {
                do {
                    let (bytes, sender) = try await socket.receive()
                    try await socket.send(bytes, to: sender)
                } catch is OSError {}
            }
        }
    }

    var port: Int { plain.port }
    var all: [Server] { [plain, unix, secure, rude] }

    /// Waits until no client is connected.
    func becomeIdle() async throws {
        try await withTimeout(.seconds(30)) {
            while all.contains(where: { $0.connectionCount > 0 }) { try await sleep(.milliseconds(5)) }
        }
        // The client side of TLS takes a while to end, but no longer than its limit.
        try await sleep(.seconds(2.5))
    }

    func shutDown() async throws {
        for server in all { try await server.shutdown(within: .milliseconds(100)) }
        datagramTask.cancel()
        _ = try? await datagramTask.value
        datagrams.close()
        try await datagrams.waitClosed()
    }

    // MARK: Handlers

    /// Closes the connection of a client that sends nothing for a second.
    private static func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        do {
            while true {
                let bytes = try await withTimeout(.seconds(1)) { try await reader.read(65_536) }
                if bytes.isEmpty { return }
                try await withTimeout(.seconds(1)) { try await writer.write(bytes) }
            }
        } catch is TimeoutError {
            writer.abort()
        }
    }

    private static func beRude(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        switch chance.next(in: 0...5) {
        case 0: writer.reset()
        case 1: return
        case 2:
            for byte in "slowly\n".utf8 {
                try await writer.write([byte])
                try await sleep(.milliseconds(1))
            }
        case 3:
            // Never reads, so that the data stays with the sender.
            try await sleep(some(50...200))
        case 4:
            try await writer.write([UInt8](repeating: 7, count: chance.next(in: 1...300_000)))
            try writer.writeEOF()
            _ = try? await withTimeout(.milliseconds(100)) { try await reader.read() }
        default: _ = try? await withTimeout(.milliseconds(50)) { try await reader.readLine() }
        }
    }
}

/// A self-signed certificate for 127.0.0.1, created with the `openssl` command.
final class Certificate {
    let path: String
    let key: String

    init() throws {
        path = "/tmp/asyncio-soak-\(getpid()).pem"
        key = "/tmp/asyncio-soak-\(getpid()).key"
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
            "-out", path, "-days", "2", "-subj", "/CN=soak", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
        let status = try AsyncIO.run {
            try await withSubprocess("openssl", arguments: arguments, stderr: .devNull) { try await $0.wait() }
        }
        try expect(status == 0, "openssl could not create a certificate")
    }

    deinit {
        unlink(path)
        unlink(key)
    }
}
