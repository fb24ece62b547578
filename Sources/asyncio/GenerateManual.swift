internal import ArgumentParser

struct GenerateManual: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the manual page, which scripts/install-tool.sh installs.", shouldDisplay: false)

    func run() throws { print(try ManualPage(of: Tool._dumpHelp()).text, terminator: "") }
}
