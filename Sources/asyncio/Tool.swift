internal import ArgumentParser
internal import AsyncIOSystem
internal import Glibc

/// Looks into a running program that uses AsyncIO.
@main
struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "asyncio",
        abstract: "Looks into a running program that uses swift-asyncio.",
        discussion: """
            The program takes part if it is started with ASYNCIO_INSPECT=1, or calls allowInspection(). It \
            answers its own user and root.
            """,
        version: packageVersion,
        subcommands: [ListTasks.self, ShowTree.self, Top.self, Dump.self])
}

/// The process to look into.
struct Target: ParsableArguments {
    @Argument(help: "The number of the process.")
    var pid: Int32

    func validate() throws {
        guard pid > 0 else { throw ValidationError("\(pid) is no process number.") }
    }
}

extension Target {
    /// What the program says, or one line on standard error and the end.
    func snapshot(_ request: Client.Request = .stacks) throws -> Snapshot {
        do {
            return try Client(pid: pid).snapshot(request)
        } catch {
            throw complaint(error)
        }
    }

    func complaint(_ error: ClientError) -> ExitCode {
        write("asyncio: \(printable("\(error)"))\n", to: STDERR_FILENO)
        return ExitCode(1)
    }
}
