import ArgumentParser
import AsyncIO

/// The runner: examples by flag, and the main job when there is none.
@main
struct RexAsyncIO: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rexasyncio",
        abstract: "Runs small asyncio programs by name.")

    @Flag(help: "Examples, which run in the order given.")
    var examples: [Example] = []

    @Flag(help: "Run every example.")
    var all = false

    func run() throws {
        let examples = all ? Example.allCases : examples
        try AsyncIO.run {
            Terminal.flushEveryLine()
            try await runExamples(examples)
        }
    }
}

/// Runs examples one after the other. With more than one, a note tells which is which.
private func runExamples(_ examples: [Example]) async throws {
    for example in examples {
        if examples.count > 1 { Terminal.note("# \(example.name)") }
        try await example.run()
    }
}
