import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// What `scripts/install-tool.sh` installs besides the tool: completions for shells, and a manual page.
@Suite(.eventLoop, .serialized)
struct ToolInstallationTests {
    /// The shells find the tool on the path.
    var environment: [String: String] {
        let folder = URL(fileURLWithPath: Program.path("asyncio")).deletingLastPathComponent().path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["PATH": "\(folder):\(path)"]
    }

    func output(of shell: String, _ script: String) async throws -> String {
        let outcome = try await Program.run(shell, ["-c", script], environment: environment)
        #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome.error)")
        return outcome.output
    }

    /// Runs `body` with three programs, of which the first two allow inspection.
    func withPrograms(_ body: (_ open: [Int32], _ closed: Int32) async throws -> Void) async throws {
        let programs = try await toThread {
            try ["1", "1", "0"].map {
                let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": $0])
                program.wait(for: "ready")
                return program
            }
        }
        func end() async throws { try await toThread { for program in programs { _ = program.terminate() } } }
        do {
            try await body(programs[..<2].map(\.pid), programs[2].pid)
        } catch {
            try? await end()
            throw error
        }
        try await end()
    }

    // MARK: Completions

    /// The words that bash offers after these.
    func offeredByBash(after words: String...) async throws -> [String] {
        let line = (["asyncio"] + words).joined(separator: " ") + " "
        let quoted = (["asyncio"] + words + [""]).map { "'\($0)'" }.joined(separator: " ")
        let script = """
            source <(asyncio --generate-completion-script bash)
            COMP_WORDS=(\(quoted)) COMP_CWORD=\(words.count + 1) COMP_LINE='\(line)' COMP_POINT=\(line.count)
            _asyncio asyncio '' '\(words.last ?? "asyncio")'
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try await output(of: "bash", script).split(separator: "\n").map(String.init)
    }

    @Test(.requires(.bash)) func bashOffersTheCommands() async throws {
        let offered = try await offeredByBash()
        #expect(Set(offered).isSuperset(of: ["ps", "pstree", "top", "dump", "help", "--version"]))
        #expect(!offered.contains("generate-manual"))
    }

    @Test(.requires(.bash)) func bashOffersTheProcessesThatAllowInspection() async throws {
        try await withPrograms { open, closed in
            let offered = try await offeredByBash(after: "ps")
            #expect(Set(offered).isSuperset(of: open.map(String.init)), "\(offered)")
            #expect(!offered.contains("\(closed)"), "\(offered)")
        }
    }

    @Test(.requires(.bash)) func bashOffersTheLoopsOfTheProcess() async throws {
        let program = try await toThread {
            let program = try LiveProgram("loop-thread-program", ["inspected"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            return program
        }
        #expect(try await offeredByBash(after: "ps", "\(program.pid)", "--loop") == ["io", "db"])
        _ = try await toThread { program.terminate() }
    }

    @Test(
        .requires(.fish, .zsh, .tmux),
        arguments: [
            ("fish --no-config -i", "asyncio --generate-completion-script fish | source", "(faults)"),
            (
                "zsh -f -i",
                "unsetopt list_ambiguous; autoload -U compinit; compinit -u -D; "
                    + "source <(asyncio --generate-completion-script zsh)",
                "-- faults"
            ),
        ])
    func otherShellsOfferThemWithTheirNames(shell: String, start: String, name: String) async throws {
        let path = try #require(environment["PATH"])
        try await withPrograms { open, closed in
            try await toThread {
                let home = "/tmp/asyncio-home-\(open[0])"
                mkdir(home, 0o700)
                defer { try? FileManager.default.removeItem(atPath: home) }
                let screen = try ToolTests.Screen(
                    running: "env -i TERM=screen HOME=\(home) PATH=\(path) \(shell)", pid: open[0])
                defer { _ = try? screen.tmux("kill-server") }
                try screen.tmux("send-keys", "-t", screen.name, "\(start); clear; echo ready", "Enter")
                _ = try screen.lines { $0.first == "ready" }
                try screen.tmux("send-keys", "-t", screen.name, "asyncio pstree ", "Tab")
                let areOffered = { (lines: [String]) in
                    open.allSatisfy { pid in lines.contains { $0.contains("\(pid)") && $0.contains(name) } }
                }
                let lines = try screen.lines(when: areOffered)
                #expect(areOffered(lines), "\(lines)")
                #expect(!lines.contains { $0.contains("\(closed)") }, "\(lines)")
            }
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func aSocketThatNobodyListensAtIsNotOffered(shell: String) async throws {
        let base = "/tmp/asyncio-stale-\(getpid())"
        mkdir(base, 0o700)
        defer { try? FileManager.default.removeItem(atPath: base) }
        let pid = try await toThread {
            let program = try LiveProgram(
                "faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1", "XDG_RUNTIME_DIR": base])
            program.wait(for: "ready")
            program.send(SIGKILL)
            _ = program.end()
            return program.pid
        }
        // Another process can get the ID of the one that was killed.
        #expect(link("\(base)/asyncio/\(pid).socket", "\(base)/asyncio/\(getpid()).socket") == 0)
        let arguments = ["---completion", "ps", "--", "positional@0", "2", "0", "asyncio", "ps", ""]
        let outcome = try await Program.run(
            "asyncio", arguments, environment: ["SAP_SHELL": shell, "XDG_RUNTIME_DIR": base])
        #expect(outcome.status == 0, "\(outcome.error)")
        #expect(!outcome.output.contains("\(pid)") && !outcome.output.contains("\(getpid())"), "\(outcome.output)")
    }

    // MARK: The manual page

    func manual() async throws -> String {
        let outcome = try await Program.run("asyncio", ["generate-manual"])
        #expect(outcome.status == 0, "\(outcome.error)")
        return outcome.output
    }

    @Test func theManualHasEveryCommandAndOption() async throws {
        let manual = try await manual()
        let help = try await Program.run("asyncio", ["--experimental-dump-help"]).output
        let dump = try JSONSerialization.jsonObject(with: Data(help.utf8)) as? [String: Any]
        let tool = try #require(dump?["command"] as? [String: Any])
        let commands = try #require(tool["subcommands"] as? [[String: Any]]).filter {
            $0["shouldDisplay"] as? Bool == true
        }
        #expect(commands.count == 5)
        for command in commands where command["commandName"] as? String != "help" {
            let name = try #require(command["commandName"] as? String)
            let abstract = try #require(command["abstract"] as? String)
            #expect(manual.contains(".SS \\fB\(name)\\fR\n\(abstract)\n"))
            for argument in command["arguments"] as? [[String: Any]] ?? [] {
                let names = (argument["names"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
                for option in names { #expect(manual.contains("\\-\(option)\\fR"), "\(name): \(option)") }
                #expect(manual.contains(argument["abstract"] as? String ?? "no abstract"))
            }
        }
        #expect(manual.contains("swift-asyncio \(packageVersion)"))
        #expect(!manual.contains("generate-manual"))
    }

    @Test(.requires(.mandoc)) func theManualIsAManualPage() async throws {
        let path = "/tmp/asyncio-manual-\(getpid()).1"
        try await writeFile(path, try await manual())
        defer { unlink(path) }
        let lint = try await Program.run("mandoc", ["-T", "lint", "-W", "warning", path])
        // It has no date, so that it depends only on the source.
        #expect(lint.lines.count == 1 && lint.output.contains("missing date"), "\(lint.output)")
        let page = try await Program.run("mandoc", ["-T", "ascii", path]).output
            .replacing(/.\u{8}/, with: "")
        #expect(page.contains("asyncio top [--loop name] [-d delay] [--once] pid"), "\(page)")
        #expect(page.contains("-d delay, --delay delay"))
        #expect(page.contains("The default is 1.0."))
    }

    // MARK: The script

    /// Runs the script with a `swift` that does not build, because the tool is built already.
    func install(_ arguments: [String]) async throws -> Program.Outcome {
        let folder = URL(fileURLWithPath: Program.path("asyncio")).deletingLastPathComponent().path
        let fake = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: fake, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: fake) }
        let swift = "#!/bin/sh\ncase \"$*\" in *--show-bin-path*) echo '\(folder)' ;; esac\n"
        try await writeFile("\(fake.path)/swift", swift)
        chmod("\(fake.path)/swift", 0o755)
        let path = try #require(environment["PATH"])
        return try await Program.run(
            "\(packageRoot)/scripts/install-tool.sh", arguments, environment: ["PATH": "\(fake.path):\(path)"])
    }

    @Test func theScriptInstallsTheToolTheManualAndTheCompletions() async throws {
        let prefix = "/tmp/asyncio-prefix-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: prefix) }
        for _ in 0..<2 {
            let outcome = try await install([prefix])
            #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome.error)")
            let files = [
                "bin/asyncio", "share/man/man1/asyncio.1", "share/bash-completion/completions/asyncio",
                "share/zsh/site-functions/_asyncio", "share/fish/vendor_completions.d/asyncio.fish",
            ]
            #expect(outcome.lines.prefix(5) == files.map { "\(prefix)/\($0)" }[...])
            #expect(outcome.lines.last == "Add \(prefix)/bin to your PATH to run it as asyncio.")
            let found = try FileManager.default.subpathsOfDirectory(atPath: prefix)
            #expect(Set(files).isSubset(of: found) && !found.contains { $0.hasSuffix(".new") }, "\(found)")
        }
        #expect(try await Program.run("\(prefix)/bin/asyncio", ["--version"]).output == packageVersion + "\n")
        #expect(try await readText("\(prefix)/share/man/man1/asyncio.1") == (try await manual()))
        #expect(try await readText("\(prefix)/share/zsh/site-functions/_asyncio").hasPrefix("#compdef asyncio\n"))
    }

    @Test func theScriptHasNoOptions() async throws {
        let outcome = try await install(["--help"])
        #expect(outcome.error == "usage: scripts/install-tool.sh [PREFIX]\n" && outcome.status == 64)
    }
}
