internal import ArgumentParser
internal import AsyncIOSystem
internal import Glibc

/// A tool that inspects a running program that uses AsyncIO.
@main
struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "asyncio",
        abstract: "Inspects a running program that uses swift-asyncio.",
        discussion: """
            The program allows inspection if it was started with ASYNCIO_INSPECT=1, or if it calls \
            allowInspection(). It responds only to its own user and to root.
            """,
        version: packageVersion,
        subcommands: [ListTasks.self, ShowTree.self, Top.self, Dump.self, GenerateManual.self])
}

/// The process to inspect.
struct Target: ParsableArguments {
    @Argument(help: "The ID of the process to inspect.", completion: .custom { _, _, _ in processCompletions() })
    var pid: Int32
    @Option(
        help: ArgumentHelp("Show only the event loop with this name.", valueName: "name"),
        completion: .custom { words, _, _ in loopCompletions(after: words) })
    var loop: String?

    var client: Client { Client(pid: pid, loop: loop) }

    func validate() throws {
        guard pid > 0 else { throw ValidationError("pid must be positive, got \(pid)") }
    }
}

extension Target {
    /// Returns the program's response. If an error occurs, the method prints one line to standard error and throws an
    /// exit code.
    func snapshot(_ request: Client.Request = .stacks) throws -> Snapshot {
        do {
            return try client.snapshot(request)
        } catch {
            throw complaint(error)
        }
    }

    func complaint(_ error: ClientError) -> ExitCode {
        write("asyncio: \(printable("\(error)"))\n", to: STDERR_FILENO)
        return ExitCode(1)
    }
}
