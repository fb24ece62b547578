import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@testable import rexasyncio

/// What the examples print, and when. In a list of lines, "·" is a pause of a second, and "—" begins
/// the next part.
@Suite(.virtualTime) struct ExampleTests {
    private nonisolated static let expected: [(flag: String, lines: [String])] = [
        ("helloio", ["Hello World 1!", "·", "Hello World 2!", "·"]),
        ("gather", ["Hello World 1!", "Hello World 2!", "·", "True", "True"]),
        (
            "generator",
            (0...4).flatMap { ["·", "generator ex1: \($0)"] } + ["—"] + (1...5).map { "generator ex2: \($0)" }
        ),
        ("sleep", (0...4).flatMap { ["·", "generator ex1: \($0)"] }),
        (
            "tothread",
            [
                "Main function starting...", "Async function starting...",
                "Async function finished with result 499999500000.", "Main function finished.",
            ]
        ),
        (
            "createtask",
            [
                "Task 1 started", "Task 2 started", "Task 3 started",
                "·", "Task 1 finished", "·", "Task 2 finished", "·", "Task 3 finished",
                "—", "Task 1 started", "Task 2 started",
                "·", "Task 1 finished", "·", "Task 2 finished", "Results:", "Task 1 result", "Task 2 result",
            ]
        ),
        ("wait", ["·", "Timed out!", "—", "·", "·", "1", "2"]),
        (
            "ascomplete",
            [
                "·", "Task 2 is done", "True", "Task completed: True",
                "·", "Task 1 is done", "True", "Task completed: True",
            ]
        ),
        ("lock", ["[1, 2, 3, 1, 2, 3, 1, 2, 3]"]),
        ("event", ["·", "·", "·", "[1, 1, 1, 2, 2, 2, 3, 3, 3]"]),
        (
            "condition",
            [
                "Producer put 1", "Consumer got 1", "Producer put 2", "Producer put 3", "Producer put 4",
                "Producer put 5",
            ]
        ),
        (
            "semaphore",
            [
                "Worker started", "Worker started", "Worker started",
                "·", "Worker finished", "Worker finished", "Worker finished", "Worker started", "Worker started",
                "·", "Worker finished", "Worker finished",
            ]
        ),
        ("queue", (0...9).flatMap { ["\($0)", "·"] }),
        ("queuel", (0...9).flatMap { ["\($0)", "\($0)", "\($0)"] }),
        ("queuec", (0...9).flatMap { ["\($0)", "\($0)", "\($0)"] }),
    ]

    @Test(arguments: Self.expected)
    func anExamplePrintsItsLinesAtTheirTimes(flag: String, lines: [String]) async throws {
        let example = try #require(Example.allCases.first { $0.name == flag })
        var printed: [String] = []
        for (index, part) in example.parts.enumerated() {
            if index > 0 { printed.append("—") }
            printed += try await record(part.run)
        }
        #expect(printed == lines)
    }

    @Test func everyFlagHasItsExampleInOrder() {
        #expect(Example.allCases.map(\.name) == Self.expected.map(\.flag))
    }

    // MARK: The source

    @Test(arguments: Example.allCases)
    func theSourceOfAPartStandsInTheFilesOfTheExamples(example: Example) throws {
        let files = try sources()
        for part in example.parts {
            // A blank line within a declaration also ends a piece.
            let pieces = part.source.components(separatedBy: "\n\n")
            #expect(pieces[0].contains(/^func \w+Example\(\) async throws \{$/.anchorsMatchLineEndings()))
            for piece in pieces {
                #expect(files.contains { "\n\($0)".contains("\n\(piece)\n") }, "\(example.name): \(piece)")
            }
        }
    }

    @Test func eachPartHasItsOwnSource() throws {
        func sources(of flag: String) throws -> [String] {
            try #require(Example.allCases.first { $0.name == flag }).parts.map(\.source)
        }
        for (flag, words) in [
            ("generator", ["generator ex1", "generator ex2"]), ("createtask", ["task3", "Results:"]),
            ("wait", ["Timed out!", "seconds(seconds)"]),
        ] {
            let sources = try sources(of: flag)
            #expect(sources.count == words.count)
            for (index, source) in sources.enumerated() {
                for (other, word) in words.enumerated() {
                    #expect(source.contains(word) == (index == other), "\(flag), part \(index): \(word)")
                }
            }
        }
    }

    @Test func theSourceContainsWhatThePartUsesAndNothingElse() throws {
        let source = ExampleSource.gatherExample
        // Used from other files.
        #expect(source.contains("func hello(_ number: Int)"))
        #expect(source.contains("var inPython"))
        #expect(!source.contains("import"))
        // In the same file as the function that it uses.
        #expect(!source.contains("helloIOExample"))
        // Not the private functions of the same name in other files.
        #expect(ExampleSource.queueExample.ranges(of: "func consume").count == 1)
    }

    @Test func afterEachPartComesItsSourceAndARuleSeparatesTheParts() async throws {
        let example = try #require(Example.allCases.first { $0.name == "generator" })
        func indented(_ part: Int) -> [String] {
            example.parts[part].source.components(separatedBy: "\n").map { $0.isEmpty ? "" : "        " + $0 }
        }
        let printed = try await record { try await Presentation(source: .plain).show([example]) }
        #expect(
            printed.filter { $0 != "·" } == (0...4).map { "generator ex1: \($0)" } + [""] + indented(0)
                + [Presentation.rule] + (1...5).map { "generator ex2: \($0)" } + [""] + indented(1))
    }

    @Test func withoutSourceOnlyTheRuleIsAdded() async throws {
        let example = try #require(Example.allCases.first { $0.name == "wait" })
        let printed = try await record { try await Presentation(source: .none).show([example]) }
        #expect(printed == ["·", "Timed out!", Presentation.rule, "·", "·", "1", "2"])
    }

    // MARK: Colors

    @Test func commentsKeywordsTypesTextAndNumbersHaveColors() {
        func colored(_ line: Substring) -> String {
            SwiftHighlighter.highlight(line).replacing("\u{1B}[0m", with: ">").replacing("\u{1B}[", with: "<")
        }
        #expect(colored("    let number: Int = 1_0 // one") == "    <35mlet> number: <34mInt> = <36m1_0> <90m// one>")
        #expect(
            colored(#"print("a \(b(for: "c")) d \" // e")"#)
                == #"print(<32m"a \(>b(<35mfor>: <32m"c">)<32m) d \" // e">)"#)
        #expect(colored("@MainActor x.self[0..<9]") == "<35m@MainActor> x.self[<36m0>..<<36m9>]")
        #expect(colored("") == "")
    }

    @Test func colorsChangeNothingElse() throws {
        for source in try sources() {
            let colored = source.split(separator: "\n", omittingEmptySubsequences: false)
                .map { SwiftHighlighter.highlight($0) }.joined(separator: "\n")
            #expect(colored != source)
            #expect(withoutColors(colored) == source)
        }
    }

    // MARK: Recording

    /// Runs `body` and returns what it prints, with the pauses.
    private func record(_ body: @MainActor () async throws -> Void) async throws -> [String] {
        let recording = ExampleRecording(try EventLoop.running)
        try await Output.$recorder.withValue({ recording.add($0) }) { try await body() }
        recording.addPause()
        return recording.lines
    }

    /// The files of the examples.
    private func sources() throws -> [String] {
        let directory = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Sources/rexasyncio/Examples")
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" }
        try #require(files.count >= 15)
        return try files.map { try String(contentsOf: $0, encoding: .utf8) }
    }
}

/// The lines of an example, and the pauses between them.
private final class ExampleRecording {
    private(set) var lines: [String] = []
    private let loop: EventLoop
    private var last: ContinuousClock.Instant

    init(_ loop: EventLoop) {
        self.loop = loop
        last = loop.now
    }

    func add(_ text: String) {
        addPause()
        lines.append(text.hasSuffix("\n") ? String(text.dropLast()) : "\(text) (without its newline)")
    }

    /// Adds the time since the last line, if any has passed.
    func addPause() {
        let pause = loop.now - last
        last = loop.now
        let seconds = Int(pause.components.seconds)
        lines += Array(repeating: "·", count: seconds)
        let remainder = pause - .seconds(seconds)
        if remainder != .zero { lines.append("a pause of \(remainder)") }
    }
}

/// A text without the escape sequences for colors.
private func withoutColors(_ text: String) -> String { text.replacing(/\x{1B}\[[0-9]+m/, with: "") }

/// The program itself, in a process of its own.
@Suite(.eventLoop) struct ExampleProgramTests {
    private nonisolated static let lines = [
        "Producer put 1", "Consumer got 1", "Producer put 2", "Producer put 3", "Producer put 4", "Producer put 5",
    ]

    @Test func intoAPipeItPrintsTheSourceWithoutColors() async throws {
        let outcome = try await Program.run("rexasyncio", ["--condition"])
        let source = ExampleSource.conditionExample.components(separatedBy: "\n").map {
            $0.isEmpty ? "" : "        " + $0
        }
        #expect(outcome.output.components(separatedBy: "\n") == Self.lines + [""] + source + [""])
        #expect(outcome.error == "")
        #expect(outcome.status == 0)
    }

    @Test func theSourceCanBeLeftOut() async throws {
        let outcome = try await Program.run("rexasyncio", ["--condition", "--lock", "--no-source"])
        #expect(outcome.lines == Self.lines + [Presentation.rule, "[1, 2, 3, 1, 2, 3, 1, 2, 3]"])
        #expect(outcome.error == "# condition\n# lock\n")
        #expect(outcome.status == 0)
    }

    @Test func aTerminalGetsColors() async throws {
        let plain = try await Program.run("rexasyncio", ["--condition"]).output
        let colored = try await outputOnTerminal(["TERM": "xterm-256color"])
        #expect(colored.contains("\u{1B}[35mfunc\u{1B}[0m conditionExample()"))
        #expect(withoutColors(colored) == plain)
    }

    @Test(arguments: [["TERM": "dumb"], ["TERM": "xterm-256color", "NO_COLOR": "1"]])
    func aTerminalWithoutColorsGetsNone(environment: [String: String]) async throws {
        let plain = try await Program.run("rexasyncio", ["--condition"]).output
        #expect(try await outputOnTerminal(environment) == plain)
    }

    /// What the condition example prints on a terminal, with the line ends of a file.
    private func outputOnTerminal(_ environment: [String: String]) async throws -> String {
        let inherited = AsyncSubprocess.inheritedEnvironment.filter { $0.key != "NO_COLOR" }
        let options = SubprocessOptions(environment: inherited.merging(environment) { $1 }, terminal: TerminalSize())
        let process = try await createSubprocess(
            Program.path("rexasyncio"), arguments: ["--condition"], options: options)
        let terminal = try #require(process.terminal)
        let output = text(try await terminal.reader.read())
        #expect(try await process.wait() == 0)
        return output.replacing("\r\n", with: "\n")
    }

    @Test func theHelpListsTheFlagsInOrderWithWhatTheyShow() async throws {
        let help = try await Program.run("rexasyncio", ["--help"], environment: ["COLUMNS": "120"])
        #expect(help.status == 0)
        let flags = help.lines.compactMap { $0.firstMatch(of: /^  --([a-z]+) +\S.*\S/)?.output.1 }.map(String.init)
        let expected = [
            "run", "helloio", "gather", "generator", "sleep", "tothread", "createtask", "wait", "ascomplete", "lock",
            "event", "condition", "semaphore", "queue", "queuel", "queuec",
        ]
        #expect(flags.prefix(expected.count) == expected[...])
        #expect(help.output.contains("  --no-source "))
    }
}
