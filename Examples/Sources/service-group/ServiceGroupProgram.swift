import ArgumentParser
import AsyncIO
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// A server and other services, in a group that shuts both down gracefully. Try:
///
///     service-group --port 7000 &
///     nc localhost 7000
///     kill %1    # in another terminal: the open connection can finish
@main
struct ServiceGroupProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service-group", abstract: "Runs a server as a service of swift-service-lifecycle.",
        discussion: """
            The server answers each line with its length. Another service runs tasks that are restarted when they fail, \
            and a third one says goodbye. Once the server is ready, \
            the program prints READY, and then the address. SIGTERM shuts it down gracefully: it accepts no new \
            connections, and open ones can finish within the grace period.
            """)

    @Option(help: "The port to listen on; 0 for any free port.")
    var port = 0

    @Option(help: ArgumentHelp("How long open connections can take to finish.", valueName: "seconds"))
    var grace = 10.0

    func validate() throws {
        guard 0...65_535 ~= port else { throw ValidationError("--port must be in 0...65535, got \(port)") }
        guard 0...86_400 ~= grace else { throw ValidationError("--grace must be in 0...86400, got \(grace)") }
    }

    func run() throws {
        AsyncIO.main {
            let server = try await startServer(
                host: "127.0.0.1", port: port, options: .init(startServing: false), answer)
            let group = ServiceGroup(
                services: [ServerService(server, within: .seconds(grace)), Upkeep(), Farewell()],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "service-group"))
            print("READY\nlistening on \(server.addresses[0])")
            fflush(nil)
            try await group.run()
            print("served \(lines) lines")
        }
    }
}

/// The number of lines that were answered. All code that runs on the loop can share it.
private var lines = 0

private func answer(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    for try await line in reader.lines {
        lines += 1
        try await writer.write("\(line.count)\n")
    }
}

/// Tasks that are restarted when they fail, as one service.
private struct Upkeep: Service {
    @MainActor func run() async throws {
        let supervisor = Supervisor(restarts: 5, per: .seconds(60), backoff: Backoff(jitter: 0.5))
        supervisor.add("report") { for try await _ in ticks(every: .seconds(60)) { try report() } }
        supervisor.add("flush") { for try await _ in ticks(every: .seconds(1)) { fflush(nil) } }
        // The graceful shutdown of the group ends the race. The supervisor is then cancelled, and its tasks end.
        try await race({ try await supervisor.run() }, { try await gracefulShutdown() })
    }
}

/// The number of lines at the time of the last report.
private var reportedLines = 0

private func report() throws {
    guard lines >= reportedLines else { throw ValueError("lines were lost") }
    print("\(lines - reportedLines) lines since the last report")
    reportedLines = lines
}

/// Another service on the same loop. It needs nothing special. A group shuts its services down
/// one after another, in reverse order.
private struct Farewell: Service {
    @MainActor func run() async throws {
        try await gracefulShutdown()
        print("shutting down after \(lines) lines")
        fflush(nil)
    }
}
