import ArgumentParser
import AsyncIO
import Glibc

/// Forwards connections to another server. Try: `port-forwarder 8080 example.com:80`
@main
struct PortForwarder: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "port-forwarder", abstract: "Forwards connections to another server.",
        discussion: """
            When the program is listening, it prints READY and its address. When one side ends its direction of a \
            connection, or the connection breaks, the other side sees the same. SIGTERM and Ctrl-C shut the program \
            down gracefully: it accepts no new connections, and open ones can continue for the grace period.
            """)

    @Argument(help: "The address to listen on: [HOST:]PORT; port 0 for any free port.")
    var listen: Endpoint

    @Argument(help: "The address to connect to: HOST:PORT, with an IPv6 address in brackets.")
    var target: Endpoint

    @Option(help: "How long to wait for the target to accept a connection, in seconds.")
    var timeout = 10.0

    @Option(help: "How long open connections can continue during the shutdown, in seconds.")
    var grace = 5.0

    func validate() throws {
        guard target.host != nil, target.port > 0 else { throw ValidationError("the target needs a host and a port") }
        guard 0.001...86_400 ~= timeout, 0...86_400 ~= grace else {
            throw ValidationError("--timeout must be in 0.001...86400 seconds, and --grace in 0...86400 seconds")
        }
    }

    func run() throws {
        AsyncIO.main {
            let server = try await startServer(host: listen.host ?? "127.0.0.1", port: listen.port, forward)
            try await server.serve(until: .terminate, .interrupt, grace: .seconds(grace)) {
                print("READY\nlistening on \(server.addresses.map(\.description).joined(separator: ", "))")
                fflush(nil)
            }
        }
    }

    private func forward(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        var writers = [writer]
        defer { for writer in writers { writer.close() } }
        do {
            let (targetReader, targetWriter) = try await withTimeout(.seconds(timeout)) {
                try await openConnection(
                    host: target.host ?? "", port: target.port, options: .init(happyEyeballsDelay: .milliseconds(250)))
            }
            writers.append(targetWriter)
            _ = try await gather(
                { try await copy(from: reader, to: targetWriter) },
                { try await copy(from: targetReader, to: writer) })
        } catch {
            // If one side breaks, the data must not look complete to the other side.
            for writer in writers { writer.reset() }
            if error is CancellationError { throw error }
            print("\(writer.peerAddress.map(\.description) ?? "a client"): \(error)")
            fflush(nil)
        }
    }

    /// Copies until the end of the stream, and then ends the other stream. The opposite direction can continue.
    private func copy(from reader: StreamReader, to writer: StreamWriter) async throws {
        while true {
            let bytes = try await reader.read(65_536)
            if bytes.isEmpty { return try writer.writeEOF() }
            try await writer.write(bytes)
        }
    }
}

/// HOST:PORT, or only a port.
struct Endpoint: ExpressibleByArgument {
    let host: String?
    let port: Int

    nonisolated init?(argument: String) {
        let colon = argument.lastIndex(of: ":")
        guard let port = Int(argument[(colon.map(argument.index(after:)) ?? argument.startIndex)...]),
            0...65_535 ~= port
        else { return nil }
        self.port = port
        host = colon.map { argument[..<$0].trimmingPrefix("[") }.map { String($0.hasSuffix("]") ? $0.dropLast() : $0) }
    }
}
