import ArgumentParser
import AsyncIO
import Glibc

/// Hands connections on to another server. Try: `port-forwarder 8080 example.com:80`
@main
struct PortForwarder: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "port-forwarder", abstract: "Hands connections on to another server.",
        discussion: """
            Once it listens it prints READY, and in the next line where. Each side's end is handed on by itself, and \
            so is a connection that breaks. SIGTERM and Ctrl-C end it in order: no new connections, and the grace for \
            those that are open.
            """)

    @Argument(help: "Where to listen: [HOST:]PORT; port 0 for a free one.")
    var listen: Endpoint

    @Argument(help: "Where to connect to: HOST:PORT, an IPv6 address in brackets.")
    var target: Endpoint

    @Option(help: "How long the target may take to answer, in seconds.")
    var timeout = 10.0

    @Option(help: "How long open connections may go on at the end, in seconds.")
    var grace = 5.0

    func validate() throws {
        guard target.host != nil, target.port > 0 else { throw ValidationError("The target needs a host and a port.") }
        guard 0.001...86_400 ~= timeout, 0...86_400 ~= grace else {
            throw ValidationError("--timeout must be from 0.001 to 86400 seconds, --grace from 0 to 86400.")
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
                    host: target.host ?? "", port: target.port, happyEyeballsDelay: .milliseconds(250))
            }
            writers.append(targetWriter)
            _ = try await gather(
                { try await copy(from: reader, to: targetWriter) },
                { try await copy(from: targetReader, to: writer) })
        } catch {
            // What breaks on one side must not look complete on the other.
            for writer in writers { writer.reset() }
            if error is CancellationError { throw error }
            print("\(writer.peerAddress.map(\.description) ?? "a client"): \(error)")
            fflush(nil)
        }
    }

    /// Copies until the end, and hands that on; the other direction may go on.
    private func copy(from reader: StreamReader, to writer: StreamWriter) async throws {
        while true {
            let bytes = try await reader.read(65_536)
            if bytes.isEmpty { return try writer.writeEOF() }
            try await writer.write(bytes)
        }
    }
}

/// HOST:PORT, or a port alone.
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
