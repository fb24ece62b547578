import ArgumentParser
import AsyncIO
import AsyncIOSystem

/// Runs the examples that are given as flags, or the main job if there is no flag.
@main
struct RexAsyncIO: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rexasyncio",
        abstract: "Runs small asyncio programs by name; without a flag, a line server with its clients.",
        discussion: "The examples run in the order of their flags. Each part of an example is followed by its source.",
        version: packageVersion)

    @Flag(name: .customLong("run"), help: "Run a line server and its clients, as without any flag.")
    var mainJob = false

    @Flag
    var examples: [Example] = []

    @Flag(help: "Run every example.")
    var all = false

    @Flag(help: "Leave out the source that follows each part of an example.")
    var noSource = false

    @Option(help: ArgumentHelp("How many clients connect; each sends 100 lines.", valueName: "n"))
    var clients = 1000

    @Option(help: ArgumentHelp("Send this file's lines instead, each once.", valueName: "path"))
    var file: String?

    @Option(help: ArgumentHelp("The server's port; 0 for a free one.", valueName: "n"))
    var port = 0

    /// Whether the main job runs. It also runs if there is no flag.
    private var runsMainJob: Bool { mainJob || (examples.isEmpty && !all) }

    func validate() throws {
        guard clients > 0 else { throw ValidationError("--clients must be at least 1.") }
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
        guard runsMainJob || (file == nil && port == 0) else {
            throw ValidationError("--file and --port are for the main job: add --run.")
        }
    }

    func run() throws {
        let command = self
        AsyncIO.main { try await command.runAll() }
    }

    @MainActor
    private func runAll() async throws {
        Terminal.flushEveryLine()
        let source: Presentation.SourceStyle = noSource ? .none : Terminal.showsColors ? .colored : .plain
        try await Presentation(source: source).show(all ? Example.allCases : examples)
        guard runsMainJob else { return }
        let messages = if let file { try await Messages.lines(ofFile: file) } else { Messages.madeUp(clients: clients) }
        try await MainJob(messages: messages, clients: min(clients, messages.count), port: port).run()
    }
}
