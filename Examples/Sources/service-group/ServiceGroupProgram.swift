import ArgumentParser
import AsyncIO
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// A server beside another service, in a group that ends both in order. Try:
///
///     service-group --port 7000 &
///     nc localhost 7000
///     kill %1    # in another terminal: the connection may end what it is at
@main
struct ServiceGroupProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service-group", abstract: "A server as a service of swift-service-lifecycle.",
        discussion: """
            It answers each line with its length, and says goodbye. Once it listens, it prints READY, and in \
            the next line where. SIGTERM ends it gracefully: no new connections, and the open ones have their grace.
            """)

    @Option(help: "The port to listen on; 0 for a free one.")
    var port = 0

    @Option(help: ArgumentHelp("How long connections may take to end.", valueName: "seconds"))
    var grace = 10.0

    func validate() throws {
        guard 0...65_535 ~= port else { throw ValidationError("--port must be from 0 to 65535.") }
        guard 0...86_400 ~= grace else { throw ValidationError("--grace must be from 0 to 86400 seconds.") }
    }

    func run() throws {
        AsyncIO.main {
            let server = try await startServer(host: "127.0.0.1", port: port, startServing: false, answer)
            let group = ServiceGroup(
                services: [ServerService(server, within: .seconds(grace)), Farewell()],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "service-group"))
            print("READY\nlistening on \(server.addresses[0])")
            fflush(nil)
            try await group.run()
            print("served \(lines) lines")
        }
    }
}

/// How many lines were answered: shared by everything that runs on the loop.
private var lines = 0

private func answer(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    for try await line in reader.lines {
        lines += 1
        try await writer.write("\(line.count)\n")
    }
}

/// Another service on the same loop, written as any other. A group ends its services in turn,
/// the last one first.
private struct Farewell: Service {
    @MainActor func run() async throws {
        try await gracefulShutdown()
        print("shutting down after \(lines) lines")
        fflush(nil)
    }
}
