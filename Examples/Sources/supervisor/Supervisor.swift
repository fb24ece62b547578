import ArgumentParser
import AsyncIO
import Foundation

/// Keeps programs running: each line of a file is a shell command.
@main
struct Supervisor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supervisor", abstract: "Keeps the commands of a file running.",
        discussion: """
            Each line of the file is a shell command; empty lines and lines that begin with # are ignored. \
            A command that ends is restarted after a pause. The pause doubles each time, and is reset if the command \
            ran for a long time. SIGHUP, SIGUSR1, and SIGUSR2 are forwarded to all commands. SIGTERM and Ctrl-C stop \
            all of them: first with SIGTERM, and then with SIGKILL when the grace period is over.
            """)

    @Argument(help: "The file with the commands.")
    var file: String

    @Option(help: "The first pause before a command is restarted, in seconds.")
    var pause = 0.5

    @Option(help: "The longest pause, in seconds.")
    var longestPause = 30.0

    @Option(help: "How long commands can take to end, in seconds.")
    var grace = 5.0

    func validate() throws {
        guard 0 < pause, pause <= longestPause, longestPause <= 86_400, 0...86_400 ~= grace else {
            throw ValidationError(
                "--pause must be above 0 and at most --longest-pause, --grace must be at least 0, "
                    + "and no time can be longer than 86400 seconds")
        }
    }

    func run() throws {
        let supervisor = self
        try AsyncIO.run { try await supervisor.supervise(supervisor.services()) }
    }

    /// Reads the file.
    @MainActor
    private func services() async throws -> [Service] {
        let lines = try await readText(file).split(separator: "\n").map(String.init)
        let commands = lines.filter { !$0.allSatisfy(\.isWhitespace) && !$0.hasPrefix("#") }
        guard !commands.isEmpty else { throw ValidationError("\(file) contains no command") }
        return commands.map { Service(command: $0) }
    }

    @MainActor
    private func supervise(_ services: [Service]) async throws {
        let arrivals = try signals(.terminate, .interrupt, .hangUp, .user1, .user2)
        try await withAsyncTaskGroup { group in
            for service in services { try group.createTask { try await keepRunning(service) } }
            for try await signal in arrivals {
                guard signal == .terminate || signal == .interrupt else {
                    for service in services { try? service.process?.sendSignal(signal, toGroup: true) }
                    continue
                }
                say("\(signal): stopping \(services.count) commands")
                return group.cancel()
            }
        }
    }

    @MainActor
    private func keepRunning(_ service: Service) async throws {
        var delay = Duration.seconds(pause)
        while true {
            let start = ContinuousClock.now
            let code = try await withSubprocess(shell: service.command, grace: .seconds(grace)) { process in
                say("started \(process.pid): \(service.command)")
                service.process = process
                defer { service.process = nil }
                return try await process.wait()
            }
            // A command that ran for longer than the longest pause starts with the first pause again.
            if ContinuousClock.now - start > .seconds(longestPause) { delay = .seconds(pause) }
            say("ended with \(code), restarting in \(delay): \(service.command)")
            try await sleep(delay)
            delay = min(delay * 2, .seconds(longestPause))
        }
    }

    private func say(_ line: String) {
        print("supervisor: \(line)")
        fflush(nil)
    }
}

/// A command, and the process that currently runs it.
final class Service {
    let command: String
    var process: AsyncSubprocess?

    init(command: String) { self.command = command }
}
